// floor 1|tick PORT PUBPORT: the least a WebSocket broadcaster can do. Lines that come in on PUBPORT go out as text frames to
// every client of PORT: with `1` one write per event and client, with `tick` one for all that a single read brought in.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CLIENTS = 65536 };
static int clients[MAX_CLIENTS], client_count;
static int place_of[MAX_CLIENTS]; // of a file descriptor among the clients
static char in[1 << 20], out[1 << 21];

static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (void *)&at, sizeof at) || listen(fd, 4096)) {
    perror("floor: listen");
    exit(1);
  }
  return fd;
}

static void watch(int set, int fd) {
  struct epoll_event event = {EPOLLIN, {.fd = fd}};
  epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static void broadcast(size_t length) {
  for (int i = 0; i < client_count; i++)
    if (write(clients[i], out, length) < 0 && errno != EAGAIN && errno != EPIPE && errno != ECONNRESET) perror("floor: write");
}

/** Frames the whole lines at the front of `in`; returns how many bytes they were. */
static size_t frame_lines(size_t have, bool coalesce) {
  size_t at = 0, length = 0;
  char *end;
  while ((end = memchr(in + at, '\n', have - at))) {
    size_t line = (size_t)(end - (in + at));
    out[length] = (char)0x81;
    out[length + 1] = 126;
    out[length + 2] = (char)(line >> 8);
    out[length + 3] = (char)line;
    memcpy(out + length + 4, in + at, line);
    length += line + 4;
    at += line + 1;
    if (!coalesce) {
      broadcast(length);
      length = 0;
    }
  }
  if (length > 0) broadcast(length);
  return at;
}

static void on_client(int fd) {
  char request[4096];
  ssize_t length = read(fd, request, sizeof request);
  if (length <= 0) {
    if (clients[place_of[fd]] == fd) {
      int last = clients[--client_count];
      clients[place_of[fd]] = last;
      place_of[last] = place_of[fd];
    }
    close(fd);
  } else if (memmem(request, (size_t)length, "\r\n\r\n", 4)) {
    if (write(fd, answer, sizeof answer - 1) < 0) return;
    place_of[fd] = client_count;
    clients[client_count++] = fd;
  }
}

int main(int count, char **values) {
  if (count != 4) {
    fprintf(stderr, "usage: floor 1|tick PORT PUBPORT\n");
    return 2;
  }
  bool coalesce = !strcmp(values[1], "tick");
  int listener = listen_on(atoi(values[2])), feed = listen_on(atoi(values[3])), set = epoll_create1(0), publisher = -1, on = 1;
  size_t have = 0;
  struct epoll_event events[512];
  watch(set, listener);
  watch(set, feed);
  for (;;) {
    int ready = epoll_wait(set, events, 512, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd, client;
      if (fd == listener) {
        while ((client = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          watch(set, client);
        }
      } else if (fd == feed) {
        publisher = accept4(feed, NULL, NULL, SOCK_NONBLOCK);
        watch(set, publisher);
      } else if (fd == publisher) {
        ssize_t length = read(fd, in + have, sizeof in - have);
        if (length <= 0) {
          close(fd);
          publisher = -1;
          continue;
        }
        have += (size_t)length;
        size_t taken = frame_lines(have, coalesce);
        memmove(in, in + taken, have - taken);
        have -= taken;
      } else on_client(fd);
    }
  }
}
