// What the measured processes (pids=1,2,3) have used: CPU, memory, write calls.
#pragma once
#include "generator.h"

enum { MAX_PIDS = 64 };
static int pids[MAX_PIDS], pid_count;

struct usage {
  double cpu;    // seconds, user and kernel
  double kernel; // seconds of these in the kernel
  double writes; // write and writev calls
  double read;   // bytes read by read and pread
};

static void read_pids(void) {
  char list[1024];
  snprintf(list, sizeof list, "%s", text("pids", ""));
  for (char *part = strtok(list, ","); part && pid_count < MAX_PIDS; part = strtok(NULL, ",")) pids[pid_count++] = atoi(part);
}

static void add_cpu(int pid, struct usage *to) {
  char name[64], line[2048];
  snprintf(name, sizeof name, "/proc/%d/stat", pid);
  FILE *file = fopen(name, "r");
  if (!file) return;
  size_t length = fread(line, 1, sizeof line - 1, file);
  fclose(file);
  line[length] = 0;
  char *after_name = strrchr(line, ')');
  unsigned long user = 0, kernel = 0;
  if (after_name) sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
  double tick = (double)sysconf(_SC_CLK_TCK);
  to->cpu += (double)(user + kernel) / tick;
  to->kernel += (double)kernel / tick;
}

static void add_io(int pid, struct usage *to) {
  char name[64], line[128];
  snprintf(name, sizeof name, "/proc/%d/io", pid);
  FILE *file = fopen(name, "r");
  if (!file) return;
  unsigned long value;
  while (fgets(line, sizeof line, file)) {
    if (sscanf(line, "syscw: %lu", &value) == 1) to->writes += (double)value;
    if (sscanf(line, "rchar: %lu", &value) == 1) to->read += (double)value;
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

struct machine_load {
  double busy;   // CPU seconds of all cores
  double stolen; // by the host
};

static struct machine_load machine_now(void) {
  FILE *file = fopen("/proc/stat", "r");
  unsigned long user = 0, nice = 0, kernel = 0, idle, wait, irq = 0, soft = 0, steal = 0;
  if (file) {
    if (fscanf(file, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", &user, &nice, &kernel, &idle, &wait, &irq, &soft, &steal) != 8) steal = 0;
    fclose(file);
  }
  double tick = (double)sysconf(_SC_CLK_TCK);
  return (struct machine_load){(double)(user + nice + kernel + irq + soft) / tick, (double)steal / tick};
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
