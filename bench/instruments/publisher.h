// The sending ends: requests of `batch` events, one request under way on each of `pubs` connections.
#pragma once
#include "generator.h"
#include "subscriber.h"

struct publisher {
  enum endpoint_kind kind;
  int fd;
  bool is_ending; // the server closes it after this response
  int waiting; // acknowledgements still to come
  uint64_t sent_at;
  int have;
  char in[1 << 16];
};

enum { MAX_BATCH = 1000 };

static struct publisher *publishers;
static int publisher_count, batch, publish_port;
static const char *publish_protocol, *publish_path;
static char publish_headers[4096];
static char *out; // the request being made
static bool outlives_server; // a publisher whose connection breaks is out of use, and that is all
static int publishers_gone;
static int next_channel;

static bool publishes(const char *name) { return !strcmp(publish_protocol, name); }
static bool is_http(void) { return publishes("http") || publishes("pushpin"); }

static void read_publisher_options(void) {
  publish_protocol = text("pub", "tcp");
  publish_port = (int)number("pport", 7001);
  publish_path = text("ppath", "/pub");
  publisher_count = (int)number("pubs", 1);
  batch = (int)number("batch", 1);
  if (batch < 1 || batch > MAX_BATCH) die(2, "batch must be 1 to %d", MAX_BATCH);
  if (batch > 1 && publishes("http") && strcmp(text("form", ""), "cloudevents")) die(2, "only form=cloudevents has batches over HTTP");
  publishers = calloc((size_t)publisher_count, sizeof *publishers);
  out = malloc(16384 + (size_t)batch * (size_t)(event_size * 2 + 1024));
  join_headers(publish_headers, sizeof publish_headers, "pubheader");
}

static size_t mqtt_message(char *to, const char *event, int length) {
  size_t n = 0;
  int left = 5 + length;
  to[n++] = 0x30;
  do {
    to[n++] = (char)((left & 127) | (left > 127 ? 128 : 0));
    left >>= 7;
  } while (left);
  memcpy(to + n, "\0\3fan", 5);
  memcpy(to + n + 5, event, (size_t)length);
  return n + 5 + (size_t)length;
}

static size_t pushpin_item(char *to, const char *event, int length) {
  bool is_websocket = is("ws");
  size_t n = (size_t)sprintf(to, "{\"channel\":\"fan\",\"formats\":{\"%s\":{\"content\":\"%s", is_websocket ? "ws-message" : "http-stream", is_websocket ? "" : "data: ");
  for (int i = 0; i < length; i++) {
    if (event[i] == '"') to[n++] = '\\';
    to[n++] = event[i];
  }
  return n + (size_t)sprintf(to + n, "%s\"}}}", is_websocket ? "" : "\\n\\n");
}

/** What an HTTP request says of its body: with form=cloudevents one structured event or a batch of them, else JSON. */
static const char *content_type(void) {
  if (publishes("pushpin") || strcmp(text("form", ""), "cloudevents")) return "application/json";
  return batch > 1 ? "application/cloudevents-batch+json" : "application/cloudevents+json";
}

/** The body of an HTTP request with the next events. */
static size_t http_body(char *to) {
  char event[MAX_EVENT];
  bool is_pushpin = publishes("pushpin");
  size_t n = 0;
  if (!is_pushpin && batch == 1) return (size_t)make_event(to);
  n += (size_t)sprintf(to, is_pushpin ? "{\"items\":[" : "[");
  for (int i = 0; i < batch; i++) {
    if (i > 0) to[n++] = ',';
    if (is_pushpin) n += pushpin_item(to + n, event, make_event(event));
    else n += (size_t)make_event(to + n);
  }
  return n + (size_t)sprintf(to + n, is_pushpin ? "]}" : "]");
}

/** One event of a protocol that has no envelope around several. */
static size_t message(char *to, struct publisher *p) {
  char event[MAX_EVENT];
  int length = make_event(event);
  if (publishes("mqtt")) return mqtt_message(to, event, length);
  size_t n = 0;
  if (publishes("nats")) n = (size_t)sprintf(to, "PUB fan %d\r\n", length);
  if (publishes("jetstream")) n = (size_t)sprintf(to, "PUB bench.events _INBOX.%ld %d\r\n", (long)(p - publishers), length);
  if (publishes("redis")) n = (size_t)sprintf(to, "*5\r\n$4\r\nXADD\r\n$5\r\nbench\r\n$1\r\n*\r\n$4\r\ndata\r\n$%d\r\n", length);
  memcpy(to + n, event, (size_t)length);
  n += (size_t)length;
  if (publishes("tcp")) to[n++] = '\n';
  else n += (size_t)sprintf(to + n, "\r\n");
  return n;
}

static void open_publisher(struct publisher *p);

static void give_up_publisher(struct publisher *p) {
  close(p->fd);
  p->fd = -1;
  p->waiting = -1;
  publishers_gone++;
}

static void reopen_publisher(struct publisher *p) {
  close(p->fd);
  open_publisher(p);
}

/** Sends the next `batch` events as one request, or as so many messages in one write. */
static void publish_batch(struct publisher *p) {
  size_t n = 0;
  p->sent_at = now();
  if (is_http()) {
    char full[2048];
    expand_path(full, sizeof full, publishes("pushpin") ? "/publish/" : publish_path, next_channel++ % channels);
    char *body = out + 8192;
    size_t length = http_body(body);
    int head = snprintf(out, 8192, "POST %s HTTP/1.1\r\nHost: %s:%d\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", full, host, publish_port,
                        content_type(), length, publish_headers);
    memmove(out + head, body, length);
    n = (size_t)head + length;
    p->waiting = 1;
  } else {
    for (int i = 0; i < batch; i++) n += message(out + n, p);
    p->waiting = publishes("jetstream") || publishes("redis") ? batch : 0;
  }
  if (write_all(p->fd, out, n)) return;
  if (!outlives_server) die(4, "the publisher's connection is gone: %s", strerror(errno));
  give_up_publisher(p);
}

/** Takes one whole HTTP response off the front; false while it is not there. */
static bool take_response(struct publisher *p) {
  p->in[p->have] = 0;
  char *body = strstr(p->in, "\r\n\r\n");
  if (!body) return false;
  body += 4;
  if (p->in[9] != '2') die(5, "publishing was refused: %.800s", p->in);
  char *length = strcasestr(p->in, "\r\ncontent-length:");
  long whole;
  if (length && length < body) whole = body - p->in + atol(length + 17);
  else if (p->in[9] == '2' && !memcmp(p->in + 9, "204", 3)) whole = body - p->in;
  else {
    char *last = strstr(body, "0\r\n\r\n");
    if (!last) return false;
    whole = last + 5 - p->in;
  }
  if (whole > p->have) return false;
  char *closing = strcasestr(p->in, "\r\nconnection: close");
  p->is_ending = closing && closing < body;
  memmove(p->in, p->in + whole, (size_t)(p->have - whole));
  p->have -= (int)whole;
  return true;
}

/** Counts the lines with this in them, and keeps an unfinished one. */
static int take_lines(struct publisher *p, const char *with) {
  int found = 0;
  char *at = p->in, *end;
  p->in[p->have] = 0;
  while ((end = strchr(at, '\n'))) {
    *end = 0;
    if (strstr(at, with)) found++;
    if (at[0] == '-' || strstr(at, "\"error\"")) die(5, "publishing was refused: %.400s", at);
    at = end + 1;
  }
  p->have -= (int)(at - p->in);
  memmove(p->in, at, (size_t)p->have);
  return found;
}

/** Reads what came; true when this completed the request under way. */
static bool read_publisher(struct publisher *p) {
  ssize_t length = recv(p->fd, p->in + p->have, sizeof p->in - 1 - (size_t)p->have, 0);
  if (length < 0 && errno == EAGAIN) return false;
  if (length <= 0 && outlives_server) {
    give_up_publisher(p);
    return false;
  }
  if (length <= 0) {
    // Some servers end a connection after so many requests, always between two of them.
    if (p->waiting > 0) die(4, "the server closed a publisher's connection with %d acknowledgements to come", p->waiting);
    reopen_publisher(p);
    return false;
  }
  p->have += (int)length;
  if (p->waiting == 0) {
    if (publishes("nats") && memmem(p->in, (size_t)p->have, "PING\r\n", 6)) write_all(p->fd, "PONG\r\n", 6);
    p->have = 0;
    return false;
  }
  if (is_http()) p->waiting -= take_response(p) ? 1 : 0;
  else p->waiting -= take_lines(p, publishes("redis") ? "$" : "\"seq\":");
  if (p->is_ending && p->waiting == 0) reopen_publisher(p);
  return p->waiting == 0;
}

static void open_publisher(struct publisher *p) {
  p->kind = PUBLISHER;
  p->have = 0;
  p->waiting = 0;
  p->is_ending = false;
  p->fd = open_socket(host, publish_port, false);
  watch(p->fd, p, EPOLLIN, EPOLL_CTL_ADD);
  char hello[256];
  size_t n = 0;
  if (publishes("mqtt")) memcpy(hello, "\x10\x0f\0\4MQTT\4\2\0\0\0\3pub", n = 17);
  if (publishes("nats") || publishes("jetstream")) n = (size_t)sprintf(hello, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
  if (publishes("jetstream")) n += (size_t)sprintf(hello + n, "SUB _INBOX.%ld 1\r\n", (long)(p - publishers));
  if (!write_all(p->fd, hello, n)) die(4, "the publisher cannot connect: %s", strerror(errno));
}

static void open_publishers(void) {
  for (int i = 0; i < publisher_count; i++) open_publisher(&publishers[i]);
  rest(0.2);
}

/** A connection with nothing under way; NULL when all are busy. */
static struct publisher *free_publisher(void) {
  for (int i = 0; i < publisher_count; i++)
    if (publishers[i].waiting == 0) return &publishers[i];
  return NULL;
}
