// What the measured processes (pids=1,2,3) have used: CPU, memory, write calls.
#pragma once
#include "generator.h"
#include <dirent.h>

enum { MAX_PIDS = 64 };
static int pids[MAX_PIDS], pid_count;

struct usage {
  double cpu;    // seconds, user and kernel
  double kernel; // seconds of these in the kernel
  double writes; // write and writev calls
};

static void read_pids(void) {
  char list[1024];
  snprintf(list, sizeof list, "%s", text("pids", ""));
  for (char *part = strtok(list, ","); part && pid_count < MAX_PIDS; part = strtok(NULL, ",")) pids[pid_count++] = atoi(part);
}

struct process_times {
  int parent;
  double user, kernel, children; // seconds; of children those that ended and were waited for
};

static bool times_of(int pid, struct process_times *times) {
  char name[64], line[2048];
  snprintf(name, sizeof name, "/proc/%d/stat", pid);
  FILE *file = fopen(name, "r");
  if (!file) return false;
  size_t length = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[length] = 0;
  char *after_name = strrchr(line, ')');
  unsigned long user = 0, kernel = 0, child_user = 0, child_kernel = 0;
  if (!after_name || sscanf(after_name + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", &times->parent, &user, &kernel, &child_user, &child_kernel) != 5) return false;
  double tick = (double)sysconf(_SC_CLK_TCK);
  times->user = (double)user / tick;
  times->kernel = (double)kernel / tick;
  times->children = (double)(child_user + child_kernel) / tick;
  return true;
}

static void add_cpu(int pid, struct usage *to) {
  struct process_times times;
  if (!times_of(pid, &times)) return;
  to->cpu += times.user + times.kernel;
  to->kernel += times.kernel;
}

static void add_io(int pid, struct usage *to) {
  char name[64], line[128];
  snprintf(name, sizeof name, "/proc/%d/io", pid);
  FILE *file = fopen(name, "r");
  if (!file) return;
  unsigned long value;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "syscw: %lu", &value) == 1) to->writes += (double)value;
  }
  fclose(file);
}

static struct usage usage_now(void) {
  struct usage all = {0};
  for (int i = 0; i < pid_count; i++) {
    add_cpu(pids[i], &all);
    add_io(pids[i], &all);
  }
  return all;
}

static double rollup(int pid, const char *field) {
  char name[64], line[256], pattern[32];
  snprintf(name, sizeof name, "/proc/%d/smaps_rollup", pid);
  snprintf(pattern, sizeof pattern, "%s: %%ld", field);
  FILE *file = fopen(name, "r");
  if (!file) return 0;
  long value = 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, pattern, &value) == 1) break;
  fclose(file);
  return (double)value;
}

/** KiB resident, what processes share counted once. */
static double resident(void) {
  double all = 0;
  for (int i = 0; i < pid_count; i++) all += rollup(pids[i], "Pss");
  return all;
}

/** KiB the kernel holds for TCP on this machine. */
static double kernel_tcp(void) {
  FILE *file = fopen("/proc/net/sockstat", "r");
  char line[256];
  long pages = 0;
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) {
    char *mem = strstr(line, "mem ");
    if (!strncmp(line, "TCP:", 4) && mem) pages = atol(mem + 4);
  }
  fclose(file);
  return (double)pages * 4;
}

/** What starts the threads of the kernel itself: what they do for disk and network they do here for the benchmark. */
#define KERNEL_THREADS 2

/** Whether the benchmark runs it: who started this program, all else it started, the measured processes; the kernel's own threads count with them. */
static bool is_ours(int pid, int parent, int starter) {
  if (pid == starter || parent == starter || pid == KERNEL_THREADS || parent == KERNEL_THREADS) return true;
  for (int i = 0; i < pid_count; i++)
    if (pids[i] == pid) return true;
  return false;
}

/** CPU seconds of everything else. Summed up over the processes: the sums of the machine (/proc/stat) are samples taken at ticks, and what is paced wakes with the ticks. */
static double others_cpu(void) {
  int starter = getppid();
  double all = 0;
  struct process_times times;
  DIR *folder = opendir("/proc");
  if (!folder) return all;
  for (struct dirent *entry; (entry = readdir(folder));) {
    int pid = atoi(entry->d_name);
    if (pid > 0 && times_of(pid, &times) && !is_ours(pid, times.parent, starter)) all += times.user + times.kernel + times.children;
  }
  closedir(folder);
  return all;
}

/** Where things stand at one moment. */
struct moment {
  struct usage usage;
  double own, others, stolen; // CPU seconds: of this program, of what does not belong to the benchmark, and those the machine's host took away
  double at;
};

static struct moment moment_now(void) {
  struct moment m = {.usage = usage_now(), .own = own_cpu(), .others = others_cpu()};
  FILE *file = fopen("/proc/stat", "r");
  unsigned long steal = 0;
  if (file) {
    if (fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %lu", &steal) != 1) steal = 0;
    fclose(file);
  }
  m.stolen = (double)steal / (double)sysconf(_SC_CLK_TCK);
  m.at = (double)now() / 1e9;
  return m;
}

/** What was used between two moments, in cores. */
static void print_loads(const struct moment *a, const struct moment *b) {
  double seconds = b->at > a->at ? b->at - a->at : 1, others = b->others - a->others;
  printf("\"server_load\":%.3f,\"generator_load\":%.3f,\"other_load\":%.3f,\"stolen\":%.3f,", (b->usage.cpu - a->usage.cpu) / seconds, (b->own - a->own) / seconds,
         (others > 0 ? others : 0) / seconds, (b->stolen - a->stolen) / seconds);
}

/** Asks the measured processes that understand it (gc=1) to collect garbage; false when nobody is to be asked. */
static bool ask_for_collection(void) {
  if (number("gc", 0) == 0) return false;
  for (int i = 0; i < pid_count; i++) kill(pids[i], SIGUSR2);
  return true;
}

static void collect_garbage(void) {
  if (ask_for_collection()) rest(2);
}
