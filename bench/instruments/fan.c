// fan key=value…: opens subscribers, publishes to them, and prints one line of JSON.
//   proto=ws|sse|mqtt|natsws|sio  host port path ({}: number of the channel)  header='Name: value' (repeatable)  n=1000  channels=1
//   pub=tcp|http|mqtt|nats|pushpin  pport ppath  pubheader='Name: value'  pubs=1 connections  batch=1 events a request
//   form=cloudevents (over HTTP: one structured event a request, or a batch; else plain JSON)
//   rate=0 events/s (0: saturate)  win=8 events under way when saturating  warm=2 dur=8 seconds (dur=0: only connect)  size=200
//   hold=1 (warmed up, says so and waits for a line on stdin)  pids=1,2  gc=1 (SIGUSR2 before memory is read)  stall=0 subscribers that stop reading until all is measured  stallheader='Name: value' (repeatable: they use these in turns)
//   sampled=n (latencies of the first so many)  churn=0 reconnections a second  resume='?from='
//   nap=1000 microseconds between two looks at the sockets when saturating  every=0 seconds between progress lines on stderr
#include "churn.h"
#include "histogram.h"
#include "process.h"
#include "publisher.h"
#include "stall.h"
#include "subscriber.h"

static int window;
static double rate;
static uint64_t written_off, stalls;

/** Subscribers that one event reaches. */
static uint64_t reached(void) { return (uint64_t)((subscriber_count - stalled) / channels); }
static int64_t outstanding(void) { return (int64_t)(published * reached() - delivered - written_off); }

/** Seconds between two looks at the sockets when saturating: taking what came on many of them at once costs less. */
static double nap;

static void handle_events(double most_seconds) {
  struct epoll_event events[1024];
  if (rate == 0) rest(nap);
  int count = wait_for_events(events, 1024, most_seconds);
  for (int i = 0; i < count; i++) {
    enum endpoint_kind *kind = events[i].data.ptr;
    if (*kind == PUBLISHER) read_publisher(events[i].data.ptr);
    else on_subscriber(events[i].data.ptr, events[i].events, churn_suffix(events[i].data.ptr));
  }
}

static void publish_while_room(void) {
  struct publisher *p;
  while (outstanding() <= (int64_t)(window - batch) * (int64_t)reached() && (p = free_publisher())) publish_batch(p);
}

/** Events that do not come within this time are written off, so that a server that loses some is measured all the same. */
static const double patience = 2;

static void note_progress(uint64_t *since, uint64_t *last) {
  if (delivered != *last || outstanding() <= 0) {
    *last = delivered;
    *since = now();
  } else if (seconds_since(*since) > patience) {
    stalls++;
    written_off += (uint64_t)outstanding();
    *since = now();
  }
}

static bool acknowledged(void) {
  for (int i = 0; i < publisher_count; i++)
    if (publishers[i].waiting > 0) return false;
  return true;
}

/** Every so many seconds a line on stderr; with gc=1 the memory in it is that of a second after a collection. */
static void tell_progress(uint64_t start) {
  static uint64_t asked, told;
  uint64_t every = (uint64_t)(number("every", 0) * 1e9), due = (told > start ? told : start) + every;
  if (every == 0 || now() < due) return;
  if (asked < due && ask_for_collection()) asked = now();
  if (asked >= due && seconds_since(asked) < 1) return;
  told = due;
  fprintf(stderr, "{\"seconds\":%.0f,\"published\":%lu,\"delivered\":%lu,\"closed\":%d,\"resident_mb\":%.1f,\"p99_ms\":%.2f}\n", seconds_since(start),
          (unsigned long)published, (unsigned long)delivered, closed_count, resident() / 1024, quantile(&latencies, 0.99));
}

/** Publishes for so many seconds and waits until all of it has arrived. */
static void run_phase(double seconds) {
  uint64_t start = now(), progress = start, last = delivered, next = start, ponged = start;
  uint64_t pause = rate > 0 ? (uint64_t)(1e9 * batch / rate) : 0;
  while (seconds_since(start) < seconds) {
    double wait = 0.1;
    if (rate > 0) {
      struct publisher *p;
      while (now() >= next && (p = free_publisher())) {
        publish_batch(p);
        next += pause;
      }
      if (now() > next + 1000000000ull) next = now();
      wait = now() < next ? (double)(next - now()) / 1e9 : 0.001;
    } else publish_while_room();
    handle_events(wait);
    note_progress(&progress, &last);
    churn();
    tell_progress(start);
    if (seconds_since(ponged) > 10 && is("ws")) {
      ponged = now();
      send_pongs();
    }
  }
  while (outstanding() > 0 || !acknowledged() || churning()) {
    handle_events(0.1);
    note_progress(&progress, &last);
    churn_on();
    if (seconds_since(start) > seconds + 30) die(6, "not drained after 30 s: %ld deliveries to come", (long)outstanding());
  }
}

/** Lets those that stopped read again, and waits until each has its answer, or nothing more comes. */
static void revive_subscribers(void) {
  uint64_t progress = now(), last = bytes_received;
  if (stalled == 0) return;
  resume_stalled();
  while (!all_have_answers() && seconds_since(progress) < 10) {
    handle_events(0.1);
    if (bytes_received != last) progress = now();
    last = bytes_received;
  }
}

struct figures {
  struct moment moment;
  uint64_t published, delivered, bytes;
};

static struct figures figures_now(void) { return (struct figures){moment_now(), published, delivered, bytes_received}; }

/** Events that did not arrive, or not once, by the counts and sums of numbers, and that no gap told of; closed subscribers aside. */
static uint64_t count_lost(void) {
  uint64_t lost = 0, expected = published, sum = published * (published + 1) / 2;
  if (channels > 1) return published * reached() - delivered;
  for (int i = 0; i < subscriber_count; i++) {
    struct subscriber *s = &subscribers[i];
    if (s->state != READY) continue;
    uint64_t told = i >= first_stalled ? answer_of(s)->told : 0, accounted = s->received + told;
    if (accounted != expected) lost += expected > accounted ? expected - accounted : accounted - expected;
    else if (told == 0 && s->sum != sum) lost++;
  }
  return lost;
}

int main(int count, char **values) {
  begin(count, values);
  read_pids();
  read_subscriber_options();
  read_stall_options();
  read_publisher_options();
  read_churn_options();
  rate = number("rate", 0);
  window = (int)number("win", 8);
  nap = number("nap", 1000) / 1e6;
  is_ordered = publisher_count == 1;
  collect_garbage();
  double memory = resident(), kernel = kernel_tcp(), cpu = usage_now().cpu;
  uint64_t connecting = now();
  connect_all(64);
  double connect_seconds = seconds_since(connecting);
  if (pid_count > 0) rest(1);
  double connect_cpu = usage_now().cpu - cpu;
  collect_garbage();
  double memory_of_all = resident() - memory, kernel_of_all = kernel_tcp() - kernel;
  stall_subscribers();
  struct figures a = figures_now(), b = a;
  double held = resident();
  if (number("dur", 8) > 0) {
    open_publishers();
    run_phase(number("warm", 2));
    hold();
    is_measuring = true;
    a = figures_now();
    run_phase(number("dur", 8));
    b = figures_now();
    held = resident();
    is_measuring = false;
    revive_subscribers();
  }
  struct usage *from = &a.moment.usage, *to = &b.moment.usage;
  double seconds = b.moment.at - a.moment.at, deliveries = (double)(b.delivered - a.delivered), millions = deliveries / 1e6, per = seconds > 0 ? seconds : 1;
  double writes = to->writes - from->writes;
  printf("{\"subscribers\":%d,\"seconds\":%.3f,\"deliveries\":%.0f,\"events_s\":%.1f,\"deliveries_s\":%.0f,", subscriber_count, seconds, deliveries,
         (double)(b.published - a.published) / per, deliveries / per);
  printf("\"cpu_per_million\":%.4f,\"kernel_per_million\":%.4f,", millions > 0 ? (to->cpu - from->cpu) / millions : 0, millions > 0 ? (to->kernel - from->kernel) / millions : 0);
  print_loads(&a.moment, &b.moment);
  printf("\"events_per_write\":%.3f,\"bytes_per_event\":%.1f,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,", writes > 0 ? deliveries / writes : 0,
         deliveries > 0 ? (double)(b.bytes - a.bytes) / deliveries : 0, quantile(&latencies, 0.5), quantile(&latencies, 0.9), quantile(&latencies, 0.99), quantile(&latencies, 0.999));
  printf("\"kib_per_connection\":%.3f,\"kernel_kib_per_connection\":%.3f,\"base_mib\":%.1f,\"end_mib\":%.1f,", memory_of_all / subscriber_count,
         kernel_of_all / subscriber_count, memory / 1024, held / 1024);
  print_answers();
  printf("\"connects_s\":%.0f,\"connect_cpu_us\":%.1f,\"retried\":%d,\"reconnects\":%lu,\"stalls\":%lu,\"misordered\":%lu,\"lost\":%lu,\"closed\":%d}\n", subscriber_count / connect_seconds,
         connect_cpu * 1e6 / subscriber_count, retried, (unsigned long)reconnects, (unsigned long)stalls, (unsigned long)misordered, (unsigned long)count_lost(), group_count > 0 ? closed_count - count_stalled_closed() : closed_count);
  return 0;
}
