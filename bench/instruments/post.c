// post key=value…: durable publishing. Each of `pubs` connections has one request of `batch` events under way; prints one line of JSON.
//   pub=http|jetstream|redis|nats  pport ppath  pubheader='Name: value'  pubs=64 batch=1 form=cloudevents  warm=2 dur=8  size=200  pids=1,2
//   total=0 (stop after so many events, without warming up)
#include "histogram.h"
#include "process.h"
#include "publisher.h"

static uint64_t acknowledged_events;
static struct histogram answers;
static bool is_recording;

static void handle_events(bool goes_on) {
  struct epoll_event events[256];
  int count = wait_for_events(events, 256, 1);
  if (count == 0) die(6, "no acknowledgement for a second");
  for (int i = 0; i < count; i++) {
    struct publisher *p = events[i].data.ptr;
    if (!read_publisher(p)) continue;
    acknowledged_events += (uint64_t)batch;
    if (is_recording) record(&answers, now() - p->sent_at);
    if (goes_on) publish_batch(p);
  }
}

static bool all_answered(void) {
  for (int i = 0; i < publisher_count; i++)
    if (publishers[i].waiting > 0) return false;
  return true;
}

int main(int count, char **values) {
  begin(count, values);
  read_pids();
  protocol = "ws";
  host = text("host", "127.0.0.1");
  channels = (int)number("channels", 1);
  read_publisher_options();
  uint64_t total = (uint64_t)number("total", 0), start = now();
  double warm = total ? 0 : number("warm", 2), duration = total ? 1e9 : number("dur", 8);
  open_publishers();
  for (int i = 0; i < publisher_count; i++) publish_batch(&publishers[i]);
  while (seconds_since(start) < warm) handle_events(true);
  is_recording = true;
  uint64_t from = now(), before = total ? 0 : acknowledged_events;
  struct moment a = moment_now();
  while (seconds_since(from) < duration && (!total || published < total)) handle_events(true);
  while (!all_answered()) handle_events(false);
  double seconds = seconds_since(from), events = (double)(acknowledged_events - before);
  struct moment b = moment_now();
  printf("{\"connections\":%d,\"batch\":%d,\"seconds\":%.3f,\"events\":%.0f,\"events_s\":%.0f,\"requests_s\":%.0f,\"cpu_us_per_event\":%.3f,", publisher_count,
         batch, seconds, events, events / seconds, events / batch / seconds, (b.usage.cpu - a.usage.cpu) * 1e6 / events);
  print_loads(&a, &b);
  printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f}\n", quantile(&answers, 0.5), quantile(&answers, 0.99), quantile(&answers, 0.999));
  return 0;
}
