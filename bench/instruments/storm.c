// storm key=value…: all clients lose their connection at the same moment and come back at once, each from its last position.
// Prints one line of JSON: how fast they were served again, what it cost, and whether each got what it missed.
//   The options of fan; hold=1 (says so and waits for a line on stdin before they come back); missed=10 events published while all are away; resume='?from='; patience=60 seconds for all to be back
#include "histogram.h"
#include "positions.h"
#include "process.h"
#include "publisher.h"
#include "subscriber.h"

static struct histogram waits, caught_up;
static const char *suffix = "";

static void handle_events(double most_seconds) {
  struct epoll_event events[1024];
  int count = wait_for_events(events, 1024, most_seconds);
  for (int i = 0; i < count; i++) {
    enum endpoint_kind *kind = events[i].data.ptr;
    if (*kind == PUBLISHER) {
      read_publisher(events[i].data.ptr);
      continue;
    }
    struct subscriber *s = events[i].data.ptr;
    enum subscriber_state before = s->state;
    uint64_t had = s->received;
    on_subscriber(s, events[i].events, suffix);
    if (before != READY && s->state == READY) record(&waits, s->ready_at - s->begun_at);
    if (had < published && s->received == published && s->begun_at) record(&caught_up, now() - s->begun_at);
  }
}

/** Publishes one request and waits until it is acknowledged. */
static void publish_and_wait(void) {
  publish_batch(&publishers[0]);
  uint64_t start = now();
  while (publishers[0].waiting > 0) {
    handle_events(0.1);
    if (seconds_since(start) > 10) die(6, "a publish was not acknowledged within 10 s");
  }
}

static uint64_t complete(void) {
  uint64_t whole = 0;
  for (int i = 0; i < subscriber_count; i++) whole += subscribers[i].received == published && subscribers[i].sum == published * (published + 1) / 2;
  return whole;
}

static void wait_for_all(double patience, const char *what) {
  uint64_t start = now();
  while (complete() < (uint64_t)subscriber_count) {
    handle_events(0.05);
    if (seconds_since(start) > patience) {
      fprintf(stderr, "%lu of %d clients have %s\n", (unsigned long)complete(), subscriber_count, what);
      return;
    }
  }
}

int main(int count, char **values) {
  begin(count, values);
  read_pids();
  read_subscriber_options();
  read_publisher_options();
  on_first_received = learn_positions;
  is_ordered = true;
  connect_all(64);
  rest(1);
  open_publishers();
  publish_and_wait();
  wait_for_all(30, "the first event");
  const char *position = position_of(published);
  if (!position) die(7, "events carry no position to come back with");
  char back[256];
  snprintf(back, sizeof back, "%s%s", text("resume", "?from="), position);
  suffix = back;
  for (int i = 0; i < subscriber_count; i++) close_subscriber(&subscribers[i]);
  closed_count = 0;
  rest(2);
  for (int i = 0; i < (int)number("missed", 10); i++) publish_and_wait();
  hold();
  memset(&caught_up, 0, sizeof caught_up);
  struct moment a = moment_now();
  uint64_t start = now();
  // Connecting so many takes a moment, in which the first are served already.
  for (int i = 0; i < subscriber_count; i++) {
    open_subscriber(&subscribers[i], i);
    if (i % 64 == 63) handle_events(0);
  }
  while (ready_count < subscriber_count && closed_count == 0 && seconds_since(start) < number("patience", 60)) handle_events(0.05);
  double ready_seconds = seconds_since(start);
  wait_for_all(number("patience", 60), "all they missed");
  double seconds = seconds_since(start);
  struct moment b = moment_now();
  printf("{\"clients\":%d,\"ready\":%d,\"connects_s\":%.0f,\"ready_seconds\":%.3f,\"caught_up_seconds\":%.3f,\"cpu_us_per_connect\":%.1f,", subscriber_count,
         ready_count, ready_count / ready_seconds, ready_seconds, seconds, (b.usage.cpu - a.usage.cpu) * 1e6 / subscriber_count);
  print_loads(&a, &b);
  printf("\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"caught_up_p99_ms\":%.1f,\"incomplete\":%lu,\"misordered\":%lu,\"closed\":%d}\n", quantile(&waits, 0.5), quantile(&waits, 0.99),
         quantile(&caught_up, 0.99), (unsigned long)subscriber_count - (unsigned long)complete(), (unsigned long)misordered, closed_count);
  return 0;
}
