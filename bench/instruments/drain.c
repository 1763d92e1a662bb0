// drain key=value…: readers that have a whole log to catch up with. Opens `n` at once and prints one line of JSON when each has
// received `expect` events.   The options of fan for subscribers; expect=100000; patience=600 seconds; pids=1,2
#include "process.h"
#include "subscriber.h"

int main(int count, char **values) {
  begin(count, values);
  read_pids();
  read_subscriber_options();
  uint64_t expect = (uint64_t)number("expect", 100000), start = now(), ponged = start;
  int done = 0;
  bool *is_done = calloc((size_t)subscriber_count, sizeof *is_done);
  struct moment a = moment_now();
  double first = 0;
  is_ordered = number("ordered", 1) != 0;
  for (int i = 0; i < subscriber_count; i++) open_subscriber(&subscribers[i], i);
  while (done < subscriber_count && closed_count == 0 && seconds_since(start) < number("patience", 600)) {
    struct epoll_event events[1024];
    int ready = wait_for_events(events, 1024, 0.5);
    for (int i = 0; i < ready; i++) {
      struct subscriber *s = events[i].data.ptr;
      on_subscriber(s, events[i].events, "");
      if (s->received < expect || is_done[s->index]) continue;
      is_done[s->index] = true;
      if (done++ == 0) first = seconds_since(start);
    }
    if (seconds_since(ponged) > 10 && is("ws")) {
      ponged = now();
      send_pongs();
    }
  }
  double seconds = seconds_since(start);
  struct moment b = moment_now();
  printf("{\"readers\":%d,\"done\":%d,\"events\":%lu,\"seconds\":%.3f,\"first_done_seconds\":%.3f,\"deliveries_s\":%.0f,\"cpu_per_million\":%.4f,", subscriber_count, done,
         (unsigned long)expect, seconds, first, (double)delivered / seconds, (b.usage.cpu - a.usage.cpu) / ((double)delivered / 1e6));
  print_loads(&a, &b);
  printf("\"bytes_received\":%lu,\"misordered\":%lu,\"closed\":%d}\n", (unsigned long)bytes_received, (unsigned long)misordered, closed_count);
  return 0;
}
