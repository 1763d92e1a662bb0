// Connections that come and go: a subscriber is cut, and goes on from its last event on a new connection.
#pragma once
#include "positions.h"
#include "process.h"

enum { MAX_CUT = 4096 };
static struct subscriber *cut[MAX_CUT];
static int cut_count;
static double churn_rate;
static uint64_t churn_started, churned, reconnects;
static char suffix_text[256];

static void read_churn_options(void) {
  churn_rate = number("churn", 0);
  if (churn_rate <= 0) return;
  if (number("pubs", 1) > 1) die(2, "churn needs pubs=1: only then is the log in the order of the numbers");
  on_first_received = learn_positions;
}

/** Reopens what was cut and whose place is known. */
static void churn_on(void) {
  int left = 0;
  for (int i = 0; i < cut_count; i++) {
    struct subscriber *s = cut[i];
    if (s->state == READY) continue;
    if (s->state == CLOSED && position_of(s->last)) {
      closed_count--;
      reconnects++;
      open_subscriber(s, s->index);
    }
    cut[left++] = s;
  }
  cut_count = left;
}

static bool churning(void) { return cut_count > 0; }

static void churn(void) {
  if (churn_rate <= 0) return;
  if (!churn_started) churn_started = now();
  while (cut_count < MAX_CUT && (double)churned < seconds_since(churn_started) * churn_rate) {
    churned++;
    struct subscriber *s = &subscribers[1 + (uint64_t)rand() % (uint64_t)(subscriber_count - 1)];
    if (s->state != READY || s->last == 0) continue;
    close_subscriber(s);
    cut[cut_count++] = s;
  }
  churn_on();
}

/** What the path of a subscriber that comes back ends with. */
static const char *churn_suffix(struct subscriber *s) {
  const char *position = s->kind == SUBSCRIBER && s->state == CONNECTING && churn_rate > 0 ? position_of(s->last) : NULL;
  if (!position) return "";
  snprintf(suffix_text, sizeof suffix_text, "%s%s", text("resume", "?from="), position);
  return suffix_text;
}
