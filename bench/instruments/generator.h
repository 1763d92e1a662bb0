// What every instrument needs: key=value options, a clock, and the event it sends.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int option_count;
static char **options;

static void die(int code, const char *format, ...) {
  va_list rest;
  va_start(rest, format);
  vfprintf(stderr, format, rest);
  va_end(rest);
  fputc('\n', stderr);
  exit(code);
}

/** The value of the `nth` option of this key, or the fallback. */
static const char *nth_text(const char *key, int nth, const char *fallback) {
  size_t length = strlen(key);
  for (int i = 1; i < option_count; i++)
    if (!strncmp(options[i], key, length) && options[i][length] == '=' && nth-- == 0) return options[i] + length + 1;
  return fallback;
}

static const char *text(const char *key, const char *fallback) { return nth_text(key, 0, fallback); }
static double number(const char *key, double fallback) {
  const char *value = text(key, NULL);
  return value ? atof(value) : fallback;
}

/** Nanoseconds of a clock that only goes forward. */
static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static double seconds_since(uint64_t start) { return (double)(now() - start) / 1e9; }

/** Sleeps without being woken by signals too early. */
static void rest(double seconds) {
  struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  while (nanosleep(&left, &left) < 0 && errno == EINTR) {}
}

/** With hold=1: says that all is ready, and waits for a line on stdin. */
static void hold(void) {
  if (atof(text("hold", "0")) <= 0) return;
  puts("{\"holding\":true}");
  if (getchar() == EOF) die(1, "nobody said to go on");
}

/** CPU seconds of this process so far. */
static double own_cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// An event is a CloudEvent in JSON, the same bytes for every server. It carries a stamp: '^', 12 digits of its number from 1, 16 digits of the
// nanosecond it was sent at.
enum { SEQUENCE_DIGITS = 12, TIME_DIGITS = 16, STAMP = SEQUENCE_DIGITS + TIME_DIGITS, MAX_EVENT = 64000, MIN_EVENT = 190 };

static int event_size = 200;
static uint64_t published;
static char source_name[32];

/** Writes one event of exactly `event_size` bytes, envelope and all. */
static int make_event(char *out) {
  published++;
  int n = snprintf(out, MAX_EVENT, "{\"specversion\":\"1.0\",\"id\":\"%012lu\",\"source\":\"%s\",\"type\":\"price.update\",\"data\":{\"ts\":\"^%012lu%016lu\",\"sym\":\"ACME\",\"bid\":101.25,\"ask\":101.27,\"pad\":\"",
                   (unsigned long)published, source_name, (unsigned long)published, (unsigned long)now());
  while (n < event_size - 3) {
    out[n] = (char)('a' + n % 26);
    n++;
  }
  out[n++] = '"';
  out[n++] = '}';
  out[n++] = '}';
  return n;
}

/** Makes the buffers of both ends small, so that a server notices soon who does not read: with the large segments of loopback its own would hide megabytes. */
static void take_little(int fd) {
  int room = 4096, segment = 1400;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
}

/** Starts to connect; the socket is writable once it is done. */
static int open_socket(const char *host, int port, bool takes_little) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  if (fd < 0) die(3, "socket: %s (see ulimit -n)", strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (takes_little) take_little(fd);
  struct linger reset = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &to.sin_addr);
  if (connect(fd, (void *)&to, sizeof to) < 0 && errno != EINPROGRESS) die(3, "connect to %s:%d: %s", host, port, strerror(errno));
  return fd;
}

/** Writes all of it; false when the connection is gone. */
static bool write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t taken = send(fd, bytes, length, MSG_NOSIGNAL);
    if (taken < 0) {
      if (errno != EAGAIN) return false;
      usleep(50);
      continue;
    }
    bytes += taken;
    length -= (size_t)taken;
  }
  return true;
}

/** What an epoll entry points at begins with one of these. */
enum endpoint_kind { SUBSCRIBER, PUBLISHER, RECEIVER, DOOR };

static int poll_set;

static void watch(int fd, void *endpoint, uint32_t events, int how) {
  struct epoll_event event = {.events = events, .data.ptr = endpoint};
  if (epoll_ctl(poll_set, how, fd, &event) < 0) die(3, "epoll: %s", strerror(errno));
}

/** Waits for at most this many seconds; spinning would show as load that is not there. */
static int wait_for_events(struct epoll_event *events, int most, double seconds) {
  if (seconds < 0) seconds = 0;
  struct timespec limit = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  return epoll_pwait2(poll_set, events, most, &limit, NULL);
}

static void begin(int count, char **values) {
  option_count = count;
  options = values;
  event_size = (int)number("size", 200);
  // Numbers begin anew with every run, and a repeated source and id is not published twice.
  snprintf(source_name, sizeof source_name, "/feed/%08x", (unsigned)(now() / 1000) ^ ((unsigned)getpid() << 20));
  if (event_size < MIN_EVENT || event_size > MAX_EVENT - 400) die(2, "size must be %d to %d bytes", MIN_EVENT, MAX_EVENT - 400);
  poll_set = epoll_create1(0);
  setvbuf(stdout, NULL, _IOLBF, 0);
}
