// Where each event stands on its log, learned from the `"position":"…"` that the first subscriber receives beside each stamp.
#pragma once
#include "subscriber.h"

enum { KNOWN = 1 << 16, POSITION = 48 };
static char positions[KNOWN][POSITION];
static uint64_t position_known_to;
static char learned[1 << 20];
static size_t learned_length;

static void learn_positions(const char *bytes, const char *end) {
  static const char mark[] = "\"position\":\"";
  size_t length = (size_t)(end - bytes);
  if (learned_length + length > sizeof learned) die(7, "the first subscriber's events have no positions");
  memcpy(learned + learned_length, bytes, length);
  learned_length += length;
  char *at = learned, *stop = learned + learned_length;
  for (;;) {
    char *position = memmem(at, (size_t)(stop - at), mark, sizeof mark - 1), *stamp = memchr(at, '^', (size_t)(stop - at));
    while (stamp && leading_digits(stamp + 1, stop - stamp - 1 < STAMP ? stop - stamp - 1 : STAMP) < STAMP) stamp = memchr(stamp + 1, '^', (size_t)(stop - stamp - 1));
    if (!position || !stamp) break;
    position += sizeof mark - 1;
    char *quote = memchr(position, '"', (size_t)(stop - position));
    if (!quote) break;
    uint64_t event = digits(stamp + 1, SEQUENCE_DIGITS);
    snprintf(positions[event % KNOWN], POSITION, "%.*s", (int)(quote - position), position);
    position_known_to = event;
    at = quote > stamp + STAMP ? quote : stamp + STAMP;
  }
  learned_length = (size_t)(stop - at);
  memmove(learned, at, learned_length);
}

/** Where a subscriber goes on that has received this event; NULL while that is not known. */
static const char *position_of(uint64_t event) {
  return event > 0 && event <= position_known_to && event + KNOWN > position_known_to ? positions[event % KNOWN] : NULL;
}
