// The receiving ends: handshakes of each protocol, and counting the stamps in whatever comes back.
// Nothing is parsed but the stamps, so that one core of subscribers outruns one core of server.
#pragma once
#include "generator.h"
#include "histogram.h"

/** An end of stream is reported even where it came together with the last bytes. */
enum { READING = EPOLLIN | EPOLLRDHUP | (int)EPOLLET };

enum subscriber_state { CONNECTING, ANSWERING, NAMESPACE, PONG, READY, CLOSED };

struct subscriber {
  enum endpoint_kind kind;
  enum subscriber_state state;
  int fd;
  int index;
  int handshake_bytes;
  bool sampled;    // its latencies are recorded
  bool stalls;     // it stops reading for a while
  const char *headers; // of its request; NULL: those of all
  char stamp_have; // bytes of a stamp cut in two, plus one; 0: none
  char stamp[STAMP];
  uint64_t begun_at, ready_at;
  uint64_t received, sum; // events, and the sum of their numbers
  uint64_t last;          // number of the last event
};

static struct subscriber *subscribers;
static int subscriber_count;
static const char *protocol, *host, *path;
static int port, channels;
static int ready_count, closed_count, retried;
static uint64_t delivered, bytes_received, misordered;
static bool is_measuring, is_ordered;
static struct histogram latencies;
static char receive_buffer[1 << 18];
static char request_headers[4096];

/** Called with what the first subscriber received, where an instrument learns positions from it. */
static void (*on_first_received)(const char *bytes, const char *end);
/** Called with what subscribers receive that had stopped reading. */
static void (*on_stalled_received)(struct subscriber *s, const char *bytes, const char *end);

static bool is(const char *name) { return !strcmp(protocol, name); }

static void join_headers(char *out, size_t room, const char *key) {
  size_t used = 0;
  out[0] = 0;
  for (int i = 0; nth_text(key, i, NULL); i++) used += (size_t)snprintf(out + used, room - used, "%s\r\n", nth_text(key, i, NULL));
}

static void read_subscriber_options(void) {
  protocol = text("proto", "ws");
  host = text("host", "127.0.0.1");
  port = (int)number("port", 8000);
  path = text("path", "/");
  channels = (int)number("channels", 1);
  subscriber_count = (int)number("n", 1000);
  subscribers = calloc((size_t)subscriber_count, sizeof *subscribers);
  join_headers(request_headers, sizeof request_headers, "header");
}

/** Puts the channel's number in the place of `{}`. */
static void expand_path(char *out, size_t room, const char *pattern, int channel) {
  const char *hole = strstr(pattern, "{}");
  if (hole) snprintf(out, room, "%.*s%d%s", (int)(hole - pattern), pattern, channel, hole + 2);
  else snprintf(out, room, "%s", pattern);
}

static void open_subscriber(struct subscriber *s, int index) {
  int sampled = (int)number("sampled", subscriber_count), every = sampled / 50 > 0 ? sampled / 50 : 1;
  s->kind = SUBSCRIBER;
  s->state = CONNECTING;
  s->index = index;
  s->sampled = index < sampled && index % every == 0;
  s->stamp_have = 0;
  s->handshake_bytes = 0;
  s->begun_at = now();
  s->fd = open_socket(host, port, s->stalls);
  watch(s->fd, s, READING | EPOLLOUT, EPOLL_CTL_ADD);
}

static void close_subscriber(struct subscriber *s) {
  if (s->state == CLOSED) return;
  if (s->state == READY) ready_count--;
  s->state = CLOSED;
  closed_count++;
  close(s->fd);
}

static void lost_connection(struct subscriber *s, const char *why) {
  static int said;
  if (said++ < 5) fprintf(stderr, "subscriber %d: connection closed by the server in state %d: %s\n", s->index, s->state, why);
  close_subscriber(s);
}

static void become_ready(struct subscriber *s) {
  s->state = READY;
  s->ready_at = now();
  ready_count++;
}

static int mqtt_handshake(struct subscriber *s, char *out) {
  char id[24];
  int id_length = snprintf(id, sizeof id, "c%d", s->index), n = 0;
  out[n++] = 0x10;
  out[n++] = (char)(12 + id_length);
  memcpy(out + n, "\0\4MQTT\4\2\0\0\0", 11);
  n += 11;
  out[n++] = (char)id_length;
  memcpy(out + n, id, (size_t)id_length);
  n += id_length;
  memcpy(out + n, "\x82\x08\0\1\0\3fan\0", 10);
  return n + 10;
}

static void send_handshake(struct subscriber *s, const char *suffix) {
  char out[8192], full[2048];
  int n;
  if (is("mqtt")) {
    n = mqtt_handshake(s, out);
  } else {
    expand_path(full, sizeof full, path, s->index % channels);
    const char *kind = is("sse") ? "Accept: text/event-stream\r\n"
                                 : "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    n = snprintf(out, sizeof out, "GET %s%s HTTP/1.1\r\nHost: %s:%d\r\n%s%s\r\n", full, suffix, host, port, kind, s->headers ? s->headers : request_headers);
  }
  s->state = ANSWERING;
  watch(s->fd, s, READING, EPOLL_CTL_MOD);
  if (!write_all(s->fd, out, (size_t)n)) lost_connection(s, strerror(errno));
}

/** A masked frame with a mask of zeros. */
static void send_frame(struct subscriber *s, int opcode, const char *payload, size_t length) {
  char frame[256];
  size_t n = 0;
  frame[n++] = (char)(0x80 | opcode);
  frame[n++] = (char)(0x80 | length);
  memset(frame + n, 0, 4);
  memcpy(frame + n + 4, payload, length);
  if (!write_all(s->fd, frame, n + 4 + length)) lost_connection(s, strerror(errno));
}

/** Answers the pings of WebSocket servers before they are sent, as a pong may come unasked (RFC 6455, section 5.5.3). */
static void send_pongs(void) {
  for (int i = 0; i < subscriber_count; i++)
    if (subscribers[i].state == READY) send_frame(&subscribers[i], 10, "", 0);
}

static uint64_t digits(const char *at, int count) {
  uint64_t value = 0;
  for (int i = 0; i < count; i++) value = value * 10 + (uint64_t)(at[i] - '0');
  return value;
}

static int leading_digits(const char *at, long most) {
  int count = 0;
  while (count < most && at[count] >= '0' && at[count] <= '9') count++;
  return count;
}

/** Whether eight bytes are digits: all have a high half of 3, and still do with 6 added. */
static bool are_digits(const char *at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return ((value & 0xF0F0F0F0F0F0F0F0) | (((value + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4)) == 0x3333333333333333;
}

/** Whether a whole stamp lies here; the quick way for nearly all of them. */
static bool is_stamp(const char *at, const char *end) {
  return end - at >= STAMP && are_digits(at) && are_digits(at + 8) && are_digits(at + 16) && are_digits(at + STAMP - 8);
}

static void take_stamp(struct subscriber *s, const char *stamp) {
  uint64_t number_of_event = digits(stamp, SEQUENCE_DIGITS);
  delivered++;
  s->received++;
  s->sum += number_of_event;
  if (is_ordered && number_of_event <= s->last) misordered++;
  s->last = number_of_event;
  if (is_measuring && s->sampled) record(&latencies, now() - digits(stamp + SEQUENCE_DIGITS, TIME_DIGITS));
}

/** Counts the stamps; a caret that no stamp follows is a length byte of a frame. */
static void count_events(struct subscriber *s, const char *at, const char *end) {
  if (s->stamp_have) {
    int have = s->stamp_have - 1, wanted = STAMP - have;
    int found = leading_digits(at, wanted < end - at ? wanted : end - at);
    memcpy(s->stamp + have, at, (size_t)found);
    if (found == wanted) take_stamp(s, s->stamp);
    else if (found == end - at) {
      s->stamp_have = (char)(s->stamp_have + found);
      return;
    }
    s->stamp_have = 0;
    at += found;
  }
  while ((at = memchr(at, '^', (size_t)(end - at)))) {
    at++;
    if (is_stamp(at, end)) {
      take_stamp(s, at);
      at += STAMP;
      continue;
    }
    int found = leading_digits(at, STAMP < end - at ? STAMP : end - at);
    if (at + found == end) {
      memcpy(s->stamp, at, (size_t)found);
      s->stamp_have = (char)(found + 1);
      return;
    }
    at += found;
  }
}

/** Takes what came before the subscriber was ready; returns where events begin, or NULL while it is not ready. */
static const char *take_handshake(struct subscriber *s, const char *at, const char *end) {
  if (is("mqtt")) {
    s->handshake_bytes += (int)(end - at);
    if (s->handshake_bytes >= 9) become_ready(s);
    return s->state == READY ? end : NULL;
  }
  if (s->state == NAMESPACE || s->state == PONG) {
    if (memmem(at, (size_t)(end - at), s->state == PONG ? "PONG" : "40{", s->state == PONG ? 4 : 3)) become_ready(s);
    return s->state == READY ? end : NULL;
  }
  char *body = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
  if (!body) return NULL;
  if (at[9] == '5') {
    lost_connection(s, "it answered that it cannot just now");
    return NULL;
  }
  if (memcmp(at + 9, "101", 3) && memcmp(at + 9, "200", 3)) die(5, "subscriber %d was refused: %.600s", s->index, at);
  if (is("sio")) {
    s->state = NAMESPACE;
    send_frame(s, 1, "40", 2);
    return NULL;
  }
  if (is("natsws")) {
    const char *hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB fan 1\r\nPING\r\n";
    s->state = PONG;
    send_frame(s, 2, hello, strlen(hello));
    return NULL;
  }
  become_ready(s);
  return body + 4;
}

static void read_subscriber(struct subscriber *s, bool is_ending) {
  for (int turn = 0; turn < 4 && s->state != CLOSED; turn++) {
    ssize_t length = recv(s->fd, receive_buffer, sizeof receive_buffer - 1, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
      lost_connection(s, length == 0 ? "end of stream" : strerror(errno));
      return;
    }
    receive_buffer[length] = 0;
    const char *at = receive_buffer, *end = receive_buffer + length;
    bytes_received += (uint64_t)length;
    if (s->state != READY) at = take_handshake(s, at, end);
    if (at && at < end) {
      count_events(s, at, end);
      if (s->index == 0 && on_first_received) on_first_received(at, end);
      if (s->stalls && on_stalled_received) on_stalled_received(s, at, end);
    }
    // Less than there was room for is all there is, but for the end, which may have come with it.
    if (length < (ssize_t)sizeof receive_buffer - 1 && !is_ending) return;
  }
  // Others have a turn; what is left is reported again.
  if (s->state != CLOSED) watch(s->fd, s, READING, EPOLL_CTL_MOD);
}

static void on_subscriber(struct subscriber *s, uint32_t events, const char *suffix) {
  if (s->state == CLOSED) return;
  if (s->state == CONNECTING && (events & EPOLLOUT)) {
    send_handshake(s, suffix);
    return;
  }
  read_subscriber(s, events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR));
}

/** Opens all, at most `at_once` in their handshake, and waits until they are ready; those that are closed meanwhile try again. */
static void connect_all(int at_once) {
  struct epoll_event events[1024];
  uint64_t progress = now();
  int begun = 0, seen = 0;
  while (ready_count < subscriber_count) {
    while (begun < subscriber_count && begun - ready_count < at_once) {
      open_subscriber(&subscribers[begun], begun);
      begun++;
    }
    int count = wait_for_events(events, 1024, 0.5);
    for (int i = 0; i < count; i++) on_subscriber(events[i].data.ptr, events[i].events, "");
    for (int i = 0; i < begun && closed_count > 0; i++) {
      if (subscribers[i].state != CLOSED) continue;
      closed_count--;
      if (++retried > 50 + subscriber_count / 10) die(6, "%d subscribers were closed while connecting", retried);
      rest(0.05);
      open_subscriber(&subscribers[i], i);
    }
    if (ready_count > seen) {
      seen = ready_count;
      progress = now();
    } else if (seconds_since(progress) > 15) die(6, "only %d of %d subscribers became ready", ready_count, subscriber_count);
  }
}
