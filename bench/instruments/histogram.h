// Latencies: single microseconds up to 1 ms, then steps of half a per cent.
#pragma once
#include "generator.h"
#include <math.h>

enum { BUCKETS = 4000 };

struct histogram {
  uint64_t buckets[BUCKETS];
  uint64_t count;
};

static void record(struct histogram *h, uint64_t nanoseconds) {
  double us = (double)nanoseconds / 1e3;
  int index = us < 1000 ? (int)us : 1000 + (int)(log(us / 1000) * 200);
  h->buckets[index < BUCKETS ? index : BUCKETS - 1]++;
  h->count++;
}

/** Milliseconds below which this part of all values lies; 0 when there are none. */
static double quantile(const struct histogram *h, double part) {
  uint64_t wanted = (uint64_t)((double)h->count * part), seen = 0;
  for (int i = 0; i < BUCKETS; i++) {
    seen += h->buckets[i];
    if (seen > wanted) return (i < 1000 ? i + 0.5 : 1000 * exp((i - 1000 + 0.5) / 200)) / 1e3;
  }
  return 0;
}
