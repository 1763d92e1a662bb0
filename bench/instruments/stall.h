// Subscribers that stop reading: the last `stall` of them, in turns under the headers of `stallheader`. Once all is measured they read
// again, and it is counted what each of these groups got: everything, a gap that says how much is missing, or the end of its connection.
#pragma once
#include "subscriber.h"

enum { MAX_GROUPS = 8, TAIL = 96 };

struct answer {
  uint64_t told; // events that gaps said are missing
  bool said_why; // it was told that it is too slow
  int tail_length;
  char tail[TAIL]; // what may be the beginning of either
};

static int stalled, stalled_count, first_stalled, group_count;
static char group_headers[MAX_GROUPS][512];
static struct answer *answers;

static struct answer *answer_of(const struct subscriber *s) { return &answers[s->index - first_stalled]; }

/** Looks for gaps (`"events":12` beside two positions) and for the code of the last words. */
static void take_answer(struct subscriber *s, const char *bytes, const char *end) {
  static char joined[sizeof receive_buffer + TAIL];
  static const char mark[] = "\"events\":", why[] = "TOO_SLOW";
  struct answer *answer = answer_of(s);
  size_t length = (size_t)(end - bytes);
  memcpy(joined, answer->tail, (size_t)answer->tail_length);
  memcpy(joined + answer->tail_length, bytes, length);
  char *at = joined, *stop = joined + answer->tail_length + length, *found;
  if (memmem(joined, (size_t)(stop - joined), why, sizeof why - 1)) answer->said_why = true;
  while ((found = memmem(at, (size_t)(stop - at), mark, sizeof mark - 1))) {
    char *number_at = found + sizeof mark - 1;
    int count = leading_digits(number_at, stop - number_at);
    if (number_at + count == stop) break;
    answer->told += digits(number_at, count);
    at = number_at + count;
  }
  if (stop - at > TAIL) at = stop - TAIL;
  answer->tail_length = (int)(stop - at);
  memcpy(answer->tail, at, (size_t)answer->tail_length);
}

/** To be called before any subscriber is opened. */
static void read_stall_options(void) {
  stalled = stalled_count = (int)number("stall", 0);
  first_stalled = subscriber_count - stalled;
  answers = calloc((size_t)stalled + 1, sizeof *answers);
  while (group_count < MAX_GROUPS && nth_text("stallheader", group_count, NULL)) {
    snprintf(group_headers[group_count], sizeof group_headers[0], "%s\r\n", nth_text("stallheader", group_count, NULL));
    group_count++;
  }
  for (int i = first_stalled; i < subscriber_count; i++) {
    subscribers[i].stalls = true;
    if (group_count > 0) subscribers[i].headers = group_headers[(i - first_stalled) % group_count];
  }
}

/** From now on they take nothing from their sockets. */
static void stall_subscribers(void) {
  for (int i = first_stalled; i < subscriber_count; i++) epoll_ctl(poll_set, EPOLL_CTL_DEL, subscribers[i].fd, NULL);
}

static bool has_answer(const struct subscriber *s) { return s->state == CLOSED || s->received + answer_of(s)->told >= published; }

static bool all_have_answers(void) {
  for (int i = first_stalled; i < subscriber_count; i++)
    if (!has_answer(&subscribers[i])) return false;
  return true;
}

/** Lets them read again. */
static void resume_stalled(void) {
  int large = 1 << 20;
  stalled = 0;
  on_stalled_received = take_answer;
  for (int i = first_stalled; i < subscriber_count; i++) {
    if (subscribers[i].state == CLOSED) continue;
    setsockopt(subscribers[i].fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    watch(subscribers[i].fd, &subscribers[i], READING, EPOLL_CTL_ADD);
  }
}

/** Stalled subscribers whose connection the server ended. */
static int count_stalled_closed(void) {
  int closed = 0;
  for (int i = first_stalled; i < subscriber_count; i++) closed += subscribers[i].state == CLOSED;
  return closed;
}

/** What each group got, as members of the line of JSON. */
static void print_answers(void) {
  for (int group = 0; group < group_count; group++) {
    int all = 0, whole = 0, told = 0, closed = 0, said_why = 0;
    for (int i = first_stalled + group; i < subscriber_count; i += group_count) {
      const struct subscriber *s = &subscribers[i];
      const struct answer *answer = answer_of(s);
      all++;
      said_why += answer->said_why;
      if (s->state == CLOSED) closed++;
      else if (answer->told > 0) told += s->received + answer->told == published;
      else whole += s->received == published && s->sum == published * (published + 1) / 2;
    }
    printf("\"stalled_%d\":%d,\"whole_%d\":%d,\"told_%d\":%d,\"closed_%d\":%d,\"said_why_%d\":%d,", group, all, group, whole, group, told, group, closed, group, said_why);
  }
}
