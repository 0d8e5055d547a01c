// The report that a crash leaves in the log, and the watchdog that says what holds the loop up. In C because a signal
// handler may run in the middle of anything: up to the point that is marked below nothing here allocates, takes a lock
// or runs Swift.
//
// A handler has no context, so what it needs lies in static storage, written before handlers are installed or by the
// loop's own thread.
#define _GNU_SOURCE 1
#include "csystem.h"

#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define FRAMES 100
// Of the handlers' own stack: the loop's may be what ran out.
#define STACK_BYTES (512 << 10)

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
#define SIGNALS (sizeof crash_signals / sizeof crash_signals[0])

static struct cs_crash_plan plan;
static char log_path[4096];
static pthread_t loop_thread;
static uintptr_t load_address;
static int reporting_thread, reported_signal;
static uint64_t watchdog_cycles, watched_turn;

// --- Text ----------------------------------------------------------------------------------------------------------

// Cut off at 1 KiB. Only conversions that need no allocation: numbers and strings.
static __attribute__((format(printf, 2, 3))) void print(int fd, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  int count = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (count > (int)sizeof line - 1) count = sizeof line - 1;
  if (count > 0) cs_crash_write(fd, line, (size_t)count);
}

void cs_crash_write(int fd, const void *bytes, size_t count) {
  const char *rest = bytes;
  while (count > 0) {
    ssize_t written = write(fd, rest, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    rest += written;
    count -= (size_t)written;
  }
}

void cs_crash_write_escaped(int fd, const void *bytes, size_t count) {
  static const char digits[] = "0123456789abcdef";
  char text[4 * 128];
  size_t used = 0;
  const unsigned char *byte = bytes;
  for (size_t i = 0; i < count && i < 128; i++) {
    if (byte[i] >= ' ' && byte[i] < 127 && byte[i] != '\\' && byte[i] != '"') {
      text[used++] = (char)byte[i];
    } else {
      text[used++] = '\\';
      text[used++] = 'x';
      text[used++] = digits[byte[i] >> 4];
      text[used++] = digits[byte[i] & 15];
    }
  }
  cs_crash_write(fd, text, used);
  if (count > 128) print(fd, "... (%zu bytes)", count);
}

static int open_log(void) {
  if (log_path[0] == 0) return STDOUT_FILENO;
  int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  return fd < 0 ? STDERR_FILENO : fd;
}

// --- Call stacks ---------------------------------------------------------------------------------------------------

// The program's own symbols, read from its file: the dynamic ones, which the C library knows, leave most of them out.
struct symbols {
  const char *file;
  size_t size;
  const Elf64_Sym *first;
  size_t count;
  const char *names;
  size_t name_bytes;
};

// Whether `bytes` from `offset` on lie in the file: it may have been replaced since it was started.
static bool holds(const struct symbols *s, uint64_t offset, uint64_t bytes) {
  return offset <= s->size && bytes <= s->size - offset;
}

static struct symbols read_symbols(void) {
  struct symbols s = {0};
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0) return s;
  if (fstat(fd, &status) == 0 && status.st_size > (off_t)sizeof(Elf64_Ehdr)) {
    void *file = mmap(0, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file != MAP_FAILED) s.file = file, s.size = (size_t)status.st_size;
  }
  close(fd);
  if (!s.file) return s;
  const Elf64_Ehdr *header = (const Elf64_Ehdr *)s.file;
  if (!holds(&s, header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr))) return s;
  const Elf64_Shdr *sections = (const Elf64_Shdr *)(s.file + header->e_shoff);
  for (int i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB || sections[i].sh_link >= header->e_shnum) continue;
    const Elf64_Shdr *names = &sections[sections[i].sh_link];
    if (!holds(&s, sections[i].sh_offset, sections[i].sh_size) || !holds(&s, names->sh_offset, names->sh_size)) continue;
    s.first = (const Elf64_Sym *)(s.file + sections[i].sh_offset);
    s.count = sections[i].sh_size / sizeof(Elf64_Sym);
    s.names = s.file + names->sh_offset;
    s.name_bytes = names->sh_size;
  }
  return s;
}

// Finds the function of each frame, in one pass over the symbols: a few milliseconds. A caller's address is the one
// behind its call, which may belong to the next function.
static void find_symbols(const struct symbols *s, void *const *frames, int count, const Elf64_Sym **found) {
  for (size_t i = 0; i < s->count; i++) {
    const Elf64_Sym *symbol = &s->first[i];
    if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_name >= s->name_bytes) continue;
    for (int frame = 0; frame < count; frame++) {
      uintptr_t address = (uintptr_t)frames[frame] - load_address - 1;
      if (address >= symbol->st_value && address - symbol->st_value < symbol->st_size) found[frame] = symbol;
    }
  }
}

static void write_stack(int fd) {
  void *frames[FRAMES];
  int count = backtrace(frames, FRAMES);
  struct symbols symbols = read_symbols();
  const Elf64_Sym *found[FRAMES] = {0};
  find_symbols(&symbols, frames, count, found);
  print(fd, "\n------ STACK TRACE ------\n(names as the linker knows them: swift demangle reads them)\n");
  for (int i = 0; i < count; i++) {
    uintptr_t address = (uintptr_t)frames[i];
    const Elf64_Sym *symbol = found[i];
    if (symbol) {
      print(fd, "%.900s+0x%zx [0x%zx]\n", symbols.names + symbol->st_name,
            (size_t)(address - load_address - symbol->st_value), (size_t)address);
    } else {
      backtrace_symbols_fd(&frames[i], 1, fd);
    }
  }
  if (symbols.file) munmap((void *)symbols.file, symbols.size);
}

// --- Crashes -------------------------------------------------------------------------------------------------------

static void handle_by_default(int number) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, 0);
}

// Ends the process by the signal, so that whoever waits for it, and a core file, tell why.
static _Noreturn void end_by(int number) {
  handle_by_default(number);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(SIG_UNBLOCK, &set, 0);
  raise(number);
  _exit(128 + number);
}

static void end_late_report(int number) {
  (void)number;
  int fd = open_log();
  print(fd, "\n(the report hangs and ends here)\n");
  end_by(reported_signal);
}

static const char *signal_name(int number) {
  switch (number) {
  case SIGSEGV: return "SIGSEGV";
  case SIGBUS: return "SIGBUS";
  case SIGFPE: return "SIGFPE";
  case SIGILL: return "SIGILL";
  case SIGABRT: return "SIGABRT";
  case SIGTRAP: return "SIGTRAP";
  default: return "signal";
  }
}

static void on_crash(int number, siginfo_t *info, void *machine) {
  (void)machine;
  int thread = gettid(), nobody = 0;
  if (!__atomic_compare_exchange_n(&reporting_thread, &nobody, thread, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    // Another thread's report goes on; within the report itself, what there is of it must do.
    while (nobody != thread) pause();
    print(open_log(), "\n(the report itself crashed by signal %d and ends here)\n", number);
    end_by(reported_signal);
  }
  reported_signal = number;
  struct itimerval limit = {.it_value = {.tv_sec = plan.report_seconds}};
  struct sigaction action = {.sa_handler = end_late_report, .sa_flags = SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  sigaction(SIGALRM, &action, 0);
  setitimer(ITIMER_REAL, &limit, 0);

  int fd = open_log();
  print(fd, "\n\n=== NEEDLETAIL BUG REPORT START ===\n");
  print(fd, "%s crashed by signal: %d (%s), si_code: %d\n", plan.product, number, signal_name(number), info->si_code);
  if (info->si_code <= 0) {
    print(fd, "Sent by process %d of user %d\n", (int)info->si_pid, (int)info->si_uid);
  } else {
    print(fd, "Address: %p\n", info->si_addr);
  }
  if (number == SIGILL || number == SIGTRAP) print(fd, "A check of the program failed (a trap of Swift's).\n");
  char name[16] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  bool is_loop = pthread_equal(pthread_self(), loop_thread);
  print(fd, "Thread: %d %s%s\n", thread, name, is_loop ? " (the event loop)" : "");
  write_stack(fd);
  if (is_loop) {
    print(fd, "\n------ COMMAND IN PROGRESS ------\n");
    plan.describe_command(plan.context, fd);
    // From here on memory is allocated and data that may be damaged are read: the rest is worth the attempt.
    print(fd, "\n------ INFO AND CLIENTS ------\n");
    plan.describe_server(plan.context, fd);
  }
  print(fd, "\n=== NEEDLETAIL BUG REPORT END ===\n");
  end_by(number);
}

void cs_crash_report(_Bool is_wanted) {
  struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < SIGNALS; i++) {
    if (is_wanted) sigaction(crash_signals[i], &action, 0); else handle_by_default(crash_signals[i]);
  }
}

static int note_load_address(struct dl_phdr_info *info, size_t size, void *unused) {
  (void)size, (void)unused;
  load_address = info->dlpi_addr;
  return 1;  // The first one is the program itself.
}

int cs_crash_prepare(const struct cs_crash_plan *wanted, const char *path) {
  plan = *wanted;
  loop_thread = pthread_self();
  snprintf(log_path, sizeof log_path, "%s", path);
  dl_iterate_phdr(note_load_address, 0);
  // The first use loads a library, which a handler must not do.
  void *frame[1];
  backtrace(frame, 1);
  void *stack = mmap(0, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) return errno;
  stack_t description = {.ss_sp = stack, .ss_size = STACK_BYTES};
  return sigaltstack(&description, 0) == 0 ? 0 : errno;
}

void cs_crash_now(void) {
  char *page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  *(volatile char *)page = 1;
}

// --- The watchdog --------------------------------------------------------------------------------------------------

// Any thread may be the one that the timer interrupts.
static void on_watchdog(int number) {
  int error = errno;
  uint64_t turn = __atomic_load_n(plan.turn_start, __ATOMIC_RELAXED);
  if (turn != 0 && turn != watched_turn && cs_cycles() - turn > watchdog_cycles) {
    if (!pthread_equal(pthread_self(), loop_thread)) {
      pthread_kill(loop_thread, number);
    } else {
      watched_turn = turn;
      int fd = open_log();
      print(fd, "\n--- WATCHDOG TIMER EXPIRED ---\n");
      write_stack(fd);
      print(fd, "\n------ COMMAND IN PROGRESS ------\n");
      plan.describe_command(plan.context, fd);
      print(fd, "--------\n");
      if (log_path[0] != 0 && fd > STDERR_FILENO) close(fd);
    }
  }
  errno = error;
}

void cs_watchdog(int milliseconds, uint64_t cycles) {
  struct itimerval timer = {0};
  setitimer(ITIMER_REAL, &timer, 0);
  struct sigaction action = {.sa_handler = milliseconds > 0 ? on_watchdog : SIG_IGN, .sa_flags = SA_ONSTACK | SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGALRM, &action, 0);
  watchdog_cycles = cycles;
  if (milliseconds <= 0) return;
  // Looked at more often than the limit, so that a turn a little over it is seen.
  int interval = milliseconds / 4 > 10 ? milliseconds / 4 : 10;
  timer.it_interval.tv_sec = interval / 1000;
  timer.it_interval.tv_usec = interval % 1000 * 1000;
  timer.it_value = timer.it_interval;
  setitimer(ITIMER_REAL, &timer, 0);
}
