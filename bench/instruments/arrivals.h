// Which event has arrived at which endpoint: exact, so that one that came twice cannot hide one that is missing.
#pragma once
#include "generator.h"

struct arrivals {
  uint64_t *bits;
  uint64_t room; // events
};

static struct arrivals *arrivals;
static bool reaches_all; // every event goes to every endpoint; else they take turns
static uint64_t *acknowledged_at; // of each event; 0: not yet
static uint64_t acknowledged_room;
static uint64_t acknowledged_events, arrived, doubled, strayed;

static void expect_arrivals(int endpoint_count) { arrivals = calloc((size_t)endpoint_count, sizeof *arrivals); }

/** Which of its own events it is to an endpoint, from 0; -1 when it is not for it. */
static int64_t place_of_event(uint64_t event, int endpoint, int endpoint_count) {
  if (reaches_all) return (int64_t)event - 1;
  if ((event - 1) % (uint64_t)endpoint_count != (uint64_t)endpoint) return -1;
  return (int64_t)((event - 1) / (uint64_t)endpoint_count);
}

static bool has_arrived(uint64_t event, int endpoint, int endpoint_count) {
  int64_t place = place_of_event(event, endpoint, endpoint_count);
  struct arrivals *of = &arrivals[endpoint];
  return place >= 0 && (uint64_t)place < of->room && of->bits[place / 64] >> (place % 64) & 1;
}

/** True when it is the first time. */
static bool note_arrival(uint64_t event, int endpoint, int endpoint_count) {
  int64_t place = place_of_event(event, endpoint, endpoint_count);
  struct arrivals *of = &arrivals[endpoint];
  if (place < 0 || event > published) {
    strayed++;
    return false;
  }
  if ((uint64_t)place >= of->room) {
    uint64_t room = of->room ? of->room : 64;
    while (room <= (uint64_t)place) room *= 2;
    of->bits = realloc(of->bits, room / 8);
    memset(of->bits + of->room / 64, 0, (room - of->room) / 8);
    of->room = room;
  }
  uint64_t bit = 1ull << (place % 64);
  if (of->bits[place / 64] & bit) {
    doubled++;
    return false;
  }
  of->bits[place / 64] |= bit;
  arrived++;
  return true;
}

static void note_acknowledgement(uint64_t event, uint64_t at) {
  if (event >= acknowledged_room) {
    uint64_t room = acknowledged_room ? acknowledged_room : 1024;
    while (room <= event) room *= 2;
    acknowledged_at = realloc(acknowledged_at, room * sizeof *acknowledged_at);
    memset(acknowledged_at + acknowledged_room, 0, (room - acknowledged_room) * sizeof *acknowledged_at);
    acknowledged_room = room;
  }
  acknowledged_at[event] = at;
  acknowledged_events++;
}

/** When it was acknowledged; 0: not yet. */
static uint64_t acknowledgement_of(uint64_t event) { return event < acknowledged_room ? acknowledged_at[event] : 0; }
