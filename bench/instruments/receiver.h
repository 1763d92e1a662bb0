// The receiving ends of webhooks: HTTP/1.1 with keep-alive on one port of many loopback addresses, plain or TLS. The address says which endpoint it is.
#pragma once
#include "generator.h"
#include <openssl/err.h>
#include <openssl/ssl.h>

/** What an endpoint does with a request: answers 200, nothing, a byte of an answer a second, or 500. */
enum behaviour { HEALTHY, SILENT, DRIPPING, FAILING };

struct receiver {
  enum endpoint_kind kind;
  int fd, endpoint;
  SSL *tls; // NULL: plain
  bool is_after_break; // accepted after the server was gone
  char *in;
  size_t have, room;
  size_t dripped; // bytes of its answer so far
  struct receiver *next_dripping;
};

static const char answer_ok[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
static const char answer_failed[] = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

static int endpoints, receiver_port;
static uint32_t first_address;
static bool is_sick;
static SSL_CTX *tls_context;
static struct receiver *dripping;
static int open_receivers, most_open_receivers;
static uint64_t accepted;
static enum endpoint_kind door = DOOR;
static int door_fd;

/** Called with each whole request's body. */
static void (*on_request)(struct receiver *r, const char *body, const char *end);

/** Of each twenty endpoints the first, second and third, where five per cent are sick in each way. */
static enum behaviour behaviour_of(int endpoint) {
  int place = endpoint % 20;
  return is_sick && place < 3 ? (enum behaviour)(place + 1) : HEALTHY;
}

static void open_door(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  endpoints = (int)number("n", 50);
  receiver_port = (int)number("hport", 9000);
  struct in_addr first;
  inet_pton(AF_INET, text("base", "127.1.0.1"), &first);
  first_address = ntohl(first.s_addr);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)receiver_port), .sin_addr.s_addr = htonl(INADDR_ANY)};
  if (bind(fd, (void *)&at, sizeof at) || listen(fd, 4096)) die(3, "port %d for receivers: %s", receiver_port, strerror(errno));
  watch(fd, &door, EPOLLIN, EPOLL_CTL_ADD);
  door_fd = fd;
  if (!*text("cert", "")) return;
  tls_context = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(tls_context, text("cert", "")) != 1 || SSL_CTX_use_PrivateKey_file(tls_context, text("certkey", ""), SSL_FILETYPE_PEM) != 1)
    die(3, "the receivers' certificate: %s", ERR_error_string(ERR_get_error(), NULL));
}

static void close_receiver(struct receiver *r) {
  for (struct receiver **at = &dripping; *at; at = &(*at)->next_dripping)
    if (*at == r) {
      *at = r->next_dripping;
      break;
    }
  if (r->tls) SSL_free(r->tls);
  close(r->fd);
  free(r->in);
  free(r);
  open_receivers--;
}

/** Which endpoint was called; -1 when it is none: the port is open on all addresses of the machine. */
static int endpoint_of(int fd) {
  struct sockaddr_in at;
  socklen_t size = sizeof at;
  if (getsockname(fd, (void *)&at, &size)) return -1;
  int64_t place = (int64_t)ntohl(at.sin_addr.s_addr) - first_address;
  return place >= 0 && place < endpoints ? (int)place : -1;
}

static void accept_receivers(bool is_after_break) {
  int fd, on = 1;
  while ((fd = accept4(door_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    int endpoint = endpoint_of(fd);
    if (endpoint < 0) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct receiver *r = calloc(1, sizeof *r);
    r->kind = RECEIVER;
    r->fd = fd;
    r->endpoint = endpoint;
    r->is_after_break = is_after_break;
    r->in = malloc(r->room = 4096);
    if (tls_context) {
      r->tls = SSL_new(tls_context);
      SSL_set_fd(r->tls, fd);
      SSL_set_accept_state(r->tls);
    }
    watch(fd, r, EPOLLIN, EPOLL_CTL_ADD);
    accepted++;
    if (++open_receivers > most_open_receivers) most_open_receivers = open_receivers;
  }
}

/** Bytes read; 0: nothing is there now; -1: the connection is over. */
static ssize_t receive(struct receiver *r) {
  if (!r->tls) {
    ssize_t length = recv(r->fd, r->in + r->have, r->room - 1 - r->have, 0);
    return length > 0 ? length : length < 0 && errno == EAGAIN ? 0 : -1;
  }
  ERR_clear_error();
  int length = SSL_read(r->tls, r->in + r->have, (int)(r->room - 1 - r->have));
  if (length > 0) return length;
  int why = SSL_get_error(r->tls, length);
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void answer(struct receiver *r, const char *bytes, size_t length) {
  if (r->tls) SSL_write(r->tls, bytes, (int)length);
  else send(r->fd, bytes, length, MSG_NOSIGNAL);
}

static void answer_as_it_does(struct receiver *r) {
  enum behaviour how = behaviour_of(r->endpoint);
  if (how == HEALTHY) answer(r, answer_ok, sizeof answer_ok - 1);
  if (how == FAILING) answer(r, answer_failed, sizeof answer_failed - 1);
  if (how == DRIPPING) {
    r->dripped = 0;
    r->next_dripping = dripping;
    dripping = r;
  }
}

/** Once a second: the next byte of each answer that drips. */
static void drip(void) {
  static uint64_t last;
  if (seconds_since(last) < 1) return;
  last = now();
  for (struct receiver *r = dripping; r; r = r->next_dripping)
    if (r->dripped < sizeof answer_ok - 1) answer(r, answer_ok + r->dripped++, 1);
}

/** Takes one whole request off the front; false while it is not there. */
static bool take_request(struct receiver *r) {
  r->in[r->have] = 0;
  char *body = strstr(r->in, "\r\n\r\n");
  if (!body) return false;
  body += 4;
  char *length = strcasestr(r->in, "\r\ncontent-length:");
  if (!length || length > body) die(7, "a request without a length: %.400s", r->in);
  char *end = body + atol(length + 17);
  if (end > r->in + r->have) return false;
  on_request(r, body, end);
  answer_as_it_does(r);
  r->have -= (size_t)(end - r->in);
  memmove(r->in, end, r->have);
  return true;
}

static void on_receiver(struct receiver *r) {
  for (;;) {
    if (r->have + 1 >= r->room) r->in = realloc(r->in, r->room *= 2);
    ssize_t length = receive(r);
    if (length < 0) {
      close_receiver(r);
      return;
    }
    if (length == 0) return;
    r->have += (size_t)length;
    while (take_request(r)) {}
    // What is left comes with the next event; TLS may hold some that the socket does not show.
    if (!r->tls && r->have + 1 < r->room) return;
  }
}
