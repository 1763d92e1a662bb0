// hooks key=value…: publishes events and is the endpoints they are delivered to; prints one line of JSON.
//   n=50 endpoints, each an address from base=127.1.0.1 on  hport=9000 their port  cert certkey (files: TLS)
//   pport ppath pubheader='Name: value' pubs=64 connections  form=cloudevents  size=200  ({} in ppath: the endpoint's number, and each event is for one of them in turn; else for all)
//   rate=0 events/s (0: saturate)  win=256 deliveries under way when saturating  nap=500 microseconds between two looks at the sockets then
//   warm=2 dur=8 seconds  sick=1 (once warm, 5 % of the endpoints never answer, 5 % drip a byte a second, 5 % answer 500)
//   hold=1 (warmed up, says so and waits for a line on stdin)  pids=1,2  gc=1 (SIGUSR2 before memory is read)  every=0 seconds between progress lines on stderr
//   outlive=1 (saturates, says that it holds once warm, goes on until the server is gone, and waits for what it owes: after a restart it all has to come)  patience=30 seconds for that
#include "arrivals.h"
#include "histogram.h"
#include "process.h"
#include "publisher.h"
#include "receiver.h"

static int window;
static double rate, nap;
static uint64_t expected, refused, late;
static uint64_t *event_under_way; // of each publisher
static uint64_t sick_from; // number of the first event when some are
static uint64_t gone_at, first_after, last_arrival;
static struct histogram answers, deliveries, after_acknowledgement;
static bool is_recording;

static bool is_delivered_to(uint64_t event, int endpoint) { return !is_sick || event < sick_from || behaviour_of(endpoint) == HEALTHY; }

/** Endpoints that will have this event. */
static int reached(uint64_t event) {
  if (!reaches_all) return is_delivered_to(event, (int)((event - 1) % (uint64_t)endpoints));
  int count = 0;
  for (int i = 0; i < endpoints; i++) count += is_delivered_to(event, i);
  return count;
}

static int64_t outstanding(void) { return (int64_t)(expected - arrived); }

static void on_delivery(struct receiver *r, const char *body, const char *end) {
  const char *stamp = memchr(body, '^', (size_t)(end - body));
  if (!stamp || end - stamp <= STAMP) die(7, "a delivery without a stamp: %.*s", (int)(end - body), body);
  uint64_t at = now(), event = digits(stamp + 1, SEQUENCE_DIGITS), sent = digits(stamp + 1 + SEQUENCE_DIGITS, TIME_DIGITS);
  if (!is_delivered_to(event, r->endpoint)) {
    refused++;
    return;
  }
  if (r->is_after_break && !first_after) first_after = at;
  last_arrival = at;
  if (!note_arrival(event, r->endpoint, endpoints)) return;
  if (!is_recording) return;
  uint64_t acknowledged = acknowledgement_of(event);
  record(&deliveries, at - sent);
  record(&after_acknowledgement, acknowledged ? at - acknowledged : 0);
}

static void on_publisher(struct publisher *p) {
  if (!read_publisher(p)) return;
  note_acknowledgement(event_under_way[p - publishers], now());
  if (is_recording) record(&answers, now() - p->sent_at);
}

static void handle_events(double most_seconds) {
  struct epoll_event events[1024];
  if (rate == 0) rest(nap);
  int count = wait_for_events(events, 1024, most_seconds);
  for (int i = 0; i < count; i++) {
    enum endpoint_kind *kind = events[i].data.ptr;
    if (*kind == PUBLISHER) on_publisher(events[i].data.ptr);
    else if (*kind == RECEIVER) on_receiver(events[i].data.ptr);
    else accept_receivers(gone_at > 0);
  }
  if (publishers_gone > 0 && !gone_at) gone_at = now();
  drip();
}

static void publish_next(struct publisher *p) {
  publish_batch(p);
  event_under_way[p - publishers] = published;
  expected += (uint64_t)reached(published);
}

static void publish_while_room(void) {
  struct publisher *p;
  int each = reaches_all ? endpoints : 1;
  while (!gone_at && outstanding() + each <= window && (p = free_publisher())) publish_next(p);
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
  fprintf(stderr, "{\"seconds\":%.0f,\"deliveries\":%lu,\"connections\":%d,\"accepted\":%lu,\"resident_mb\":%.1f}\n", seconds_since(start), (unsigned long)arrived,
          open_receivers, (unsigned long)accepted, resident() / 1024);
}

/** Publishes at the rate; what could not go within 10 ms of its time is counted, because then the rate was another. */
static double publish_what_is_due(uint64_t *next) {
  struct publisher *p;
  while (now() >= *next && (p = free_publisher())) {
    if (now() > *next + 10000000ull) late++;
    publish_next(p);
    *next += (uint64_t)(1e9 / rate);
  }
  return now() < *next ? (double)(*next - now()) / 1e9 : 0.001;
}

/** Waits until all has arrived, or nothing more has for so many seconds. */
static void drain(double patience) {
  uint64_t progress = now(), last = arrived;
  while ((outstanding() > 0 || !acknowledged()) && seconds_since(progress) < patience) {
    handle_events(0.1);
    if (arrived != last) progress = now();
    last = arrived;
  }
}

static void run_phase(double seconds) {
  uint64_t start = now(), next = start;
  while (seconds_since(start) < seconds && !gone_at) {
    double wait = 0.01;
    if (rate > 0) wait = publish_what_is_due(&next);
    else publish_while_room();
    handle_events(wait < 0.1 ? wait : 0.1);
    tell_progress(start);
  }
  if (!gone_at) drain(10);
}

/** Acknowledged, and not delivered to everybody. */
static uint64_t count_owed(void) {
  uint64_t owed = 0;
  for (uint64_t event = 1; event <= published; event++) {
    if (!acknowledgement_of(event)) continue;
    if (!reaches_all) owed += !has_arrived(event, (int)((event - 1) % (uint64_t)endpoints), endpoints);
    else
      for (int i = 0; i < endpoints; i++) owed += !has_arrived(event, i, endpoints);
  }
  return owed;
}

/** Saturates until the server is gone, and waits until it has come back and owes nothing; times are those of the monotonic clock, in seconds. */
static void outlive(void) {
  bool has_said = false;
  outlives_server = true;
  for (uint64_t start = now(); !gone_at;) {
    publish_while_room();
    handle_events(0.01);
    if (!has_said && seconds_since(start) > number("warm", 2)) has_said = puts("{\"holding\":true}") >= 0;
    if (seconds_since(start) > number("warm", 2) + 60) die(6, "the server was not ended");
  }
  uint64_t before = arrived, doubled_before = doubled;
  while ((!first_after || count_owed() > 0) && seconds_since(gone_at) < number("patience", 30)) handle_events(0.1);
  // Whatever comes twice comes now: nothing else is under way.
  for (uint64_t since = now(), last = arrived + doubled; seconds_since(since) < 1;) {
    handle_events(0.1);
    if (arrived + doubled != last) since = now();
    last = arrived + doubled;
  }
  if (!first_after) die(6, "nothing was delivered after the restart");
  printf("{\"acknowledged\":%lu,\"delivered_before\":%lu,\"delivered_after\":%lu,\"doubled\":%lu,\"doubled_before\":%lu,\"strayed\":%lu,\"lost\":%lu,\"gone_at\":%.6f,\"first_at\":%.6f,\"last_at\":%.6f}\n",
         (unsigned long)acknowledged_events, (unsigned long)before, (unsigned long)(arrived - before), (unsigned long)(doubled - doubled_before),
         (unsigned long)doubled_before, (unsigned long)strayed, (unsigned long)count_owed(), (double)gone_at / 1e9, (double)first_after / 1e9, (double)last_arrival / 1e9);
}

static void print_figures(const struct moment *a, const struct moment *b, double events, double arrivals_counted) {
  double seconds = b->at - a->at, cpu = b->usage.cpu - a->usage.cpu;
  printf("{\"endpoints\":%d,\"seconds\":%.3f,\"events\":%.0f,\"deliveries\":%.0f,\"all_deliveries\":%lu,\"events_s\":%.1f,\"deliveries_s\":%.1f,\"cpu_ms_per_delivery\":%.4f,", endpoints,
         seconds, events, arrivals_counted, (unsigned long)arrived, events / seconds, arrivals_counted / seconds, arrivals_counted > 0 ? cpu * 1e3 / arrivals_counted : 0);
  print_loads(a, b);
  printf("\"ack_p50_ms\":%.3f,\"ack_p99_ms\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"after_ack_p50_ms\":%.3f,\"after_ack_p99_ms\":%.3f,", quantile(&answers, 0.5),
         quantile(&answers, 0.99), quantile(&deliveries, 0.5), quantile(&deliveries, 0.99), quantile(&deliveries, 0.999), quantile(&after_acknowledgement, 0.5),
         quantile(&after_acknowledgement, 0.99));
  printf("\"refused\":%lu,\"late\":%lu,\"connections\":%d,\"most_connections\":%d,\"accepted\":%lu,\"end_mib\":%.1f,\"doubled\":%lu,\"strayed\":%lu,\"lost\":%ld}\n", (unsigned long)refused,
         (unsigned long)late, open_receivers, most_open_receivers, (unsigned long)accepted, resident() / 1024, (unsigned long)doubled, (unsigned long)strayed, (long)outstanding());
}

int main(int count, char **values) {
  signal(SIGPIPE, SIG_IGN);
  begin(count, values);
  read_pids();
  protocol = "ws";
  host = text("host", "127.0.0.1");
  open_door();
  channels = endpoints;
  reaches_all = !strstr(text("ppath", ""), "{}");
  read_publisher_options();
  if (batch != 1) die(2, "hooks publishes one event a request");
  event_under_way = calloc((size_t)publisher_count, sizeof *event_under_way);
  rate = number("rate", 0);
  window = (int)number("win", 256);
  if (reaches_all && window < endpoints) window = endpoints;
  nap = number("nap", 500) / 1e6;
  expect_arrivals(endpoints);
  on_request = on_delivery;
  open_publishers();
  if (number("outlive", 0) > 0) {
    outlive();
    return 0;
  }
  run_phase(number("warm", 2));
  hold();
  is_sick = number("sick", 0) > 0;
  sick_from = published + 1;
  is_recording = true;
  double before = (double)arrived, published_before = (double)published;
  struct moment a = moment_now();
  run_phase(number("dur", 8));
  struct moment b = moment_now();
  print_figures(&a, &b, (double)published - published_before, (double)arrived - before);
  return 0;
}
