// SPDX-License-Identifier: GPL-2.0
/*
 * measure - does this machine stop while processes exit and fork?
 *
 *   cc -O2 -static -pthread -o measure measure.c     (or: make measure)
 *   ./measure [-m MIB] [-j FILE] [-c OLD]            as root
 *
 *   -m MIB   the largest process, 16 to 1024 (default: 1024, or what memory allows)
 *   -j FILE  write the figures to FILE, as JSON
 *   -c OLD   compare with OLD, a FILE of a former run
 *
 * One file for any Linux on x86, as a Xen guest or not, with the patches or without.
 * It says what the machine is. Then processes of several sizes exit and fork, on one
 * CPU. Beside them, on the same CPU, a SCHED_FIFO task wants to wake up each
 * millisecond: how late it is at worst is how long that CPU could do nothing else.
 *
 * It is meant to be harmless: it takes a third of the available memory at most, and
 * refuses where that is little; its processes are the first to go when memory is
 * short; it runs for three minutes at most, and takes all back when it is
 * interrupted. But its SCHED_FIFO task and what it measures disturb others on one CPU.
 *
 * Times are of wall clock. Exit: from the last instruction of a process to the return
 * of its parent's wait(). Fork: from the call to its return in the parent. Both are
 * the middle one of three, and nothing else is measured meanwhile. Where the kernel
 * can tell, and nobody else uses its tracing, there are two more: how long interrupts
 * were off (tracer irqsoff), and how long xen_exit_mmap() and xen_enter_mmap() took
 * (kprobes).
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB		(1UL << 20)
#define MIN_AVAILABLE	(128 * MIB)
#define MAX_SECONDS	120
#define LIMIT_SECONDS	180
#define TIMES		3
#define PERIOD_NS	1000000ULL
#define ROUNDS		200
#define GROUP		"pvreap_measure"

/* What the FIFO task and its parent share */
static struct shared {
	volatile int awake;
	volatile int armed;
	volatile uint64_t worst_ns;
	volatile uint64_t start_ns;
} *shared;

static struct figure {
	char name[32];
	uint64_t ns;
} figures[128], old_figures[128];
static int nr_figures, nr_old_figures;

static pid_t me, waker, child;
static const char *tracing;
static int tracer_set, probes_set;
static char tracing_was_on[8], functions_were_on[8], traced_cpus[1024], buffer_kb[16];
static char culprit[160];
static int culprit_elsewhere;
static uint64_t deadline;
static int tracing_on = -1, our_cpu;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* --- files of the kernel */

static int open_path(int flags, const char *format, va_list ap)
{
	char path[256];

	vsnprintf(path, sizeof(path), format, ap);
	return open(path, O_CLOEXEC | flags);
}

static int put(int flags, const char *value, const char *format, ...)
{
	va_list ap;
	ssize_t n;
	int fd;

	va_start(ap, format);
	fd = open_path(O_WRONLY | flags, format, ap);
	va_end(ap);
	if (fd < 0)
		return -1;
	n = write(fd, value, strlen(value));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* The file's first bytes, without a newline at the end; "" if there is none */
static char *get(const char *format, ...)
{
	static char buf[4096];
	va_list ap;
	ssize_t n;
	int fd;

	va_start(ap, format);
	fd = open_path(O_RDONLY, format, ap);
	va_end(ap);
	n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);
	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
	return buf;
}

static unsigned long available(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %lu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib << 10;
}

/* --- what must be taken back */

static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGALRM };

#define NR_SIGNALS	(sizeof(signals) / sizeof(*signals))

static void end_tracer(void)
{
	put(0, "nop", "%s/current_tracer", tracing);
	put(0, "0", "%s/tracing_max_latency", tracing);
	put(0, functions_were_on, "%s/options/function-trace", tracing);
	put(0, traced_cpus, "%s/tracing_cpumask", tracing);
	put(0, tracing_was_on, "%s/tracing_on", tracing);
	tracer_set = 0;
}

static void begin_tracer(const char *tracer)
{
	snprintf(tracing_was_on, sizeof(tracing_was_on), "%.7s", get("%s/tracing_on", tracing));
	snprintf(functions_were_on, sizeof(functions_were_on), "%.7s",
		 get("%s/options/function-trace", tracing));
	snprintf(traced_cpus, sizeof(traced_cpus), "%.1022s", get("%s/tracing_cpumask", tracing));
	tracer_set = 1;
	/* It would slow everybody down. */
	put(0, "0", "%s/options/function-trace", tracing);
	/* To turn a tracer on or off takes time with interrupts off, too. */
	put(0, "0", "%s/tracing_on", tracing);
	put(0, tracer, "%s/current_tracer", tracing);
	put(0, "0", "%s/tracing_max_latency", tracing);
}

static void end_probes(void)
{
	put(0, "0", "%s/events/" GROUP "/enable", tracing);
	put(O_APPEND, "-:" GROUP "/in\n", "%s/kprobe_events", tracing);
	put(O_APPEND, "-:" GROUP "/out\n", "%s/kprobe_events", tracing);
	probes_set = 0;
}

static void cleanup(void)
{
	if (getpid() != me)
		return;
	if (child > 0)
		kill(child, SIGKILL);
	if (waker > 0)
		kill(waker, SIGKILL);
	if (tracer_set)
		end_tracer();
	if (probes_set)
		end_probes();
	/* As small as it was before somebody traced */
	if (*buffer_kb)
		put(0, buffer_kb, "%s/buffer_size_kb", tracing);
}

static void on_signal(int sig)
{
	static const char text[] = "measure: interrupted, or out of time, all is taken back\n";

	/* A child that was just made by vfork() */
	if (getpid() != me)
		_exit(130);
	cleanup();
	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(128 + sig);
}

/* --- processes */

/* Whatever becomes of the parent, which may be gone already */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(2);
}

static pid_t start_process(void)
{
	pid_t pid = fork();
	size_t i;

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		die_with(me);
		for (i = 0; i < NR_SIGNALS; i++)
			signal(signals[i], SIG_DFL);
		put(0, "1000", "/proc/self/oom_score_adj");
	}
	return pid;
}

static int end_process(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	return status;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

static void populate(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE, -1, 0);
	size_t i;

	if (p == MAP_FAILED)
		_exit(2);
	/* As on Xen PV, which has none */
	madvise(p, len, MADV_NOHUGEPAGE);
	/* Faster, where the kernel knows it. */
	madvise(p, len, MADV_POPULATE_WRITE);
	for (i = 0; i < len; i += 4096)
		p[i] = 1;
}

/* Runs on the CPU of all others, at any rate before them. */
static void wake_up(void)
{
	struct sched_param param = { .sched_priority = 80 };
	struct timespec ts;
	uint64_t next, late;

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		err(1, "sched_setscheduler(SCHED_FIFO)");
	mlockall(MCL_CURRENT | MCL_FUTURE);
	shared->awake = 1;
	for (next = now(); ; next += PERIOD_NS) {
		ts.tv_sec = next / 1000000000ULL;
		ts.tv_nsec = next % 1000000000ULL;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		late = now() - next;
		if (shared->armed && late > shared->worst_ns)
			shared->worst_ns = late;
		/* Not to make up for what was missed */
		if (late > PERIOD_NS)
			next = now();
	}
}

static void start_waker(void)
{
	shared->awake = 0;
	waker = start_process();
	if (!waker)
		wake_up();
}

static void stop_waker(void)
{
	/* Without it, nobody is late. */
	if (waitpid(waker, NULL, WNOHANG) || !shared->awake) {
		waker = 0;
		errx(1, "the SCHED_FIFO task could not run: no real-time tasks in this cgroup or container?");
	}
	kill(waker, SIGKILL);
	end_process(waker);
	waker = 0;
}

static void begin_worst(void)
{
	/* The first wake-ups are not of what is measured. */
	usleep(20000);
	shared->worst_ns = 0;
	shared->armed = 1;
}

static uint64_t end_worst(void)
{
	/* What comes after an exit belongs to it. (A fork has ended this itself.) */
	usleep(300000);
	shared->armed = 0;
	return shared->worst_ns;
}

static void switch_tracing(const char *value)
{
	if (write(tracing_on, value, 1) != 1)
		err(1, "tracing_on");
}

static void begin_tracing(void)
{
	switch_tracing("1");
}

/* What is measured, with processes of len; begin is called right before it. */
typedef uint64_t work_fn(size_t len, void (*begin)(void));

static uint64_t one_exit(size_t len, void (*begin)(void))
{
	int ready[2], go[2], status;
	uint64_t end;
	char c;

	if (pipe2(ready, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		err(1, "pipe");
	child = start_process();
	if (!child) {
		close(ready[0]);
		close(go[1]);
		populate(len);
		if (write(ready[1], "", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(2);
		shared->start_ns = now();
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	if (read(ready[0], &c, 1) == 1) {
		if (begin)
			begin();
		if (write(go[1], "", 1) != 1)
			err(1, "write");
	}
	status = end_process(child);
	end = now();
	child = 0;
	close(ready[0]);
	close(go[1]);
	if (status)
		errx(1, "a process of %zu MiB could not be made", len / MIB);
	return end - shared->start_ns;
}

/* A process of that size forks, and reports how long it took. */
static uint64_t one_fork(size_t len, void (*begin)(void))
{
	pid_t pid, forker;
	uint64_t start;
	int status;

	child = start_process();
	if (!child) {
		populate(len);
		forker = getpid();
		if (begin)
			begin();
		start = now();
		pid = fork();
		if (!pid) {
			die_with(forker);
			for (;;)
				pause();
		}
		shared->start_ns = now() - start;
		/* The exits are not of the fork. */
		shared->armed = 0;
		if (begin == begin_tracing)
			switch_tracing("0");
		if (pid < 0)
			_exit(2);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	status = end_process(child);
	child = 0;
	if (status)
		errx(1, "a process of %zu MiB could not be made, or not fork", len / MIB);
	return shared->start_ns;
}

/* The child never returns from here, so vfork() is safe. */
static pid_t small_process(int use_vfork, int exec)
{
	static char *const argv[] = { "measure", "--true", NULL };
	static char *const envp[] = { NULL };
	pid_t pid = use_vfork ? vfork() : fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (exec)
			execve("/proc/self/exe", argv, envp);
		_exit(exec);
	}
	return pid;
}

static uint64_t loop(int use_vfork, int exec)
{
	uint64_t start = 0;
	int i;

	/* The first tenth warms up. */
	for (i = 0; i < ROUNDS + ROUNDS / 10; i++) {
		if (i == ROUNDS / 10)
			start = now();
		if (end_process(small_process(use_vfork, exec)))
			errx(1, "a small process failed");
	}
	return (now() - start) / ROUNDS;
}

/* --- what the kernel's tracing knows */

/* What others trace would be lost. */
static int tracing_is_free(void)
{
	char path[256], line[512], *size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/trace", tracing);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (line[0] != '#') {
			fclose(f);
			return 0;
		}
	}
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "%s/tracing_on", tracing);
	tracing_on = open(path, O_WRONLY | O_CLOEXEC);
	if (tracing_on < 0 || strcmp(get("%s/current_tracer", tracing), "nop") ||
	    *get("%s/set_event", tracing) || *get("%s/kprobe_events", tracing))
		return 0;
	size = get("%s/buffer_size_kb", tracing);
	if (strstr(size, "expanded"))
		sscanf(size, "%15[0-9]", buffer_kb);
	return 1;
}

static int tracer_there(void)
{
	return strstr(get("%s/available_tracers", tracing), "irqsoff") != NULL;
}

/* Where the longest time began and ended */
static void find_culprit(void)
{
	char line[512], from[64] = "?", to[64] = "?", *cpu;
	FILE *f;

	snprintf(line, sizeof(line), "%s/trace", tracing);
	f = fopen(line, "r");
	while (f && fgets(line, sizeof(line), f)) {
		cpu = strstr(line, "latency:") ? strstr(line, "CPU#") : NULL;
		if (cpu && atoi(cpu + 4) != our_cpu)
			culprit_elsewhere = 1;
		sscanf(line, "# => started at: %63s", from);
		sscanf(line, "# => ended at: %63s", to);
		if (line[0] != '#')
			break;
	}
	if (f)
		fclose(f);
	snprintf(culprit, sizeof(culprit), "  %s to %s%s", from, to,
		 culprit_elsewhere ? ", of another CPU: not in the file" : "");
}

static uint64_t irqsoff(work_fn *work, size_t len)
{
	char cpus[1024];
	uint64_t us;
	int n;

	begin_tracer("irqsoff");
	/* In words of 32 CPUs, the first ones last */
	n = snprintf(cpus, sizeof(cpus), "%x", 1U << our_cpu % 32);
	for (int word = our_cpu / 32; word > 0; word--)
		n += snprintf(cpus + n, sizeof(cpus) - n, ",00000000");
	put(0, cpus, "%s/tracing_cpumask", tracing);
	work(len, begin_tracing);
	switch_tracing("0");
	us = strtoull(get("%s/tracing_max_latency", tracing), NULL, 10);
	find_culprit();
	end_tracer();
	return us * 1000;
}

/* The time of the longest call of function, in our own processes or others */
static uint64_t longest_call(const char *function, work_fn *work, size_t len)
{
	static struct {
		int pid;
		double t;
	} in[4096];
	double t, longest = 0;
	char line[512], *bracket, *event;
	int pid, i;
	FILE *f;

	probes_set = 1;
	begin_tracer("nop");
	snprintf(line, sizeof(line), "p:" GROUP "/in %s\n", function);
	if (put(O_APPEND, line, "%s/kprobe_events", tracing))
		goto out;
	snprintf(line, sizeof(line), "r:" GROUP "/out %s\n", function);
	if (put(O_APPEND, line, "%s/kprobe_events", tracing))
		goto out;
	put(O_TRUNC, "\n", "%s/trace", tracing);
	put(0, "1", "%s/events/" GROUP "/enable", tracing);
	switch_tracing("1");
	work(len, NULL);
	switch_tracing("0");
	snprintf(line, sizeof(line), "%s/trace", tracing);
	f = fopen(line, "r");
	memset(in, 0, sizeof(in));
	/* "  measure-123  [001] d..1.  12.345678: in: (...)" */
	while (f && fgets(line, sizeof(line), f)) {
		bracket = strchr(line, '[');
		event = bracket ? strstr(bracket, ": ") : NULL;
		if (!event)
			continue;
		while (bracket > line && bracket[-1] != '-')
			bracket--;
		pid = atoi(bracket);
		i = pid % 4096;
		while (event > bracket && event[-1] != ' ')
			event--;
		if (sscanf(event, "%lf:", &t) != 1)
			continue;
		if (strstr(event, ": in: "))
			in[i].pid = pid, in[i].t = t;
		else if (strstr(event, ": out: ") && pid && in[i].pid == pid) {
			if (t - in[i].t > longest)
				longest = t - in[i].t;
			in[i].pid = 0;
		}
	}
	if (f)
		fclose(f);
	put(O_TRUNC, "\n", "%s/trace", tracing);
out:
	end_probes();
	end_tracer();
	return longest * 1e9;
}

static int symbol_there(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512], symbol[256];
	int found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %*s %255s", symbol) == 1 && !strcmp(symbol, name);
	if (f)
		fclose(f);
	snprintf(line, sizeof(line), "%s/kprobe_events", tracing);
	return found && !access(line, W_OK);
}

/* --- what is shown */

static const char *show_ns(uint64_t ns)
{
	static char bufs[4][32];
	static int i;
	char *s = bufs[i++ % 4];

	if (ns < 100000)
		snprintf(s, 32, "%.0f us", ns / 1e3);
	else
		snprintf(s, 32, ns < 1000000 ? "%.3f ms" : ns < 10000000 ? "%.2f ms" : "%.1f ms",
			 ns / 1e6);
	return s;
}

static void record(uint64_t ns, const char *title, const char *format, ...)
{
	struct figure *f;
	va_list ap;
	int i;

	/* Not seen */
	if (!ns) {
		culprit[0] = 0;
		culprit_elsewhere = 0;
		return;
	}
	f = &figures[nr_figures];
	nr_figures += !culprit_elsewhere;

	va_start(ap, format);
	vsnprintf(f->name, sizeof(f->name), format, ap);
	va_end(ap);
	f->ns = ns;
	printf("%-52s %10s", title, show_ns(ns));
	for (i = 0; i < nr_old_figures; i++)
		if (!strcmp(f->name, old_figures[i].name))
			printf("   %10s   %.2fx", show_ns(old_figures[i].ns),
			       old_figures[i].ns ? (double)ns / old_figures[i].ns : 0);
	printf("%s\n", culprit);
	culprit[0] = 0;
	culprit_elsewhere = 0;
	fflush(stdout);
}

static void record_size(uint64_t ns, const char *title, const char *name, unsigned long mib)
{
	char text[128];

	snprintf(text, sizeof(text), mib < 1024 ? "%s, %lu MiB" : "%s, 1 GiB", title, mib);
	record(ns, text, "%s.%lu", name, mib);
}

static void read_old(const char *file)
{
	FILE *f = fopen(file, "r");
	char line[256];
	unsigned long long ns;
	struct figure *o;

	if (!f)
		err(1, "%s", file);
	while (fgets(line, sizeof(line), f) && nr_old_figures < 128) {
		o = &old_figures[nr_old_figures];
		if (sscanf(line, " \"%31[^\"]\": %llu", o->name, &ns) != 2)
			continue;
		o->ns = ns;
		nr_old_figures++;
	}
	fclose(f);
	if (!nr_old_figures)
		errx(1, "%s has no figures: it wants what -j wrote", file);
}

static void write_json(FILE *f, const char *kind, const struct utsname *uts)
{
	int i;

	fprintf(f, "{\n  \"kind\": \"%s\",\n  \"kernel\": \"%s\",\n  \"ns\": {\n", kind,
		uts->release);
	for (i = 0; i < nr_figures; i++)
		fprintf(f, "    \"%s\": %llu%s\n", figures[i].name,
			(unsigned long long)figures[i].ns, i + 1 < nr_figures ? "," : "");
	fprintf(f, "  }\n}\n");
}

/* Of the smallest and the largest process */
static void conclude(const char *name, const char *what)
{
	const struct figure *first = NULL, *last = NULL;
	size_t len = strlen(name);
	int i;

	for (i = 0; i < nr_figures; i++) {
		if (strncmp(figures[i].name, name, len) || figures[i].name[len] != '.')
			continue;
		if (!first)
			first = &figures[i];
		last = &figures[i];
	}
	if (first == last)
		return;
	printf("%s: a real-time task waits up to %s with %s MiB, %s with %s MiB: that %s\n", what,
	       show_ns(first->ns), first->name + len + 1, show_ns(last->ns), last->name + len + 1,
	       last->ns > 2 * first->ns + 1000000 ? "grows with the process" :
						    "doesn't grow with the process");
}

static const char *machine(const struct utsname *uts)
{
	static char kind[64];
	char *type;

	if (!strcmp(get("/sys/hypervisor/type"), "xen")) {
		type = get("/sys/hypervisor/guest_type");
		snprintf(kind, sizeof(kind), "Xen %s", *type ? type : "guest");
	} else {
		strcpy(kind, "no Xen guest");
	}
	printf("machine: %s", kind);
	if (kind[0] == 'X') {
		printf(", Xen %s", get("/sys/hypervisor/version/major"));
		printf(".%s", get("/sys/hypervisor/version/minor"));
		printf("%s", get("/sys/hypervisor/version/extra"));
		if (strstr(get("/proc/xen/capabilities"), "control_d"))
			printf(", dom0");
	}
	printf("\nkernel:  %s %s, %ld CPUs\n", uts->release, uts->version,
	       sysconf(_SC_NPROCESSORS_ONLN));
	if (!access("/proc/sys/vm/pt_reaper_max_tables", F_OK))
		printf("reaper:  page tables of dead processes are handed over, at most %s\n",
		       get("/proc/sys/vm/pt_reaper_max_tables"));
	else if (!strcmp(kind, "Xen PV"))
		printf("reaper:  none\n");
	if (!strcmp(kind, "Xen PV"))
		printf("XPTI:    'xl dmesg | grep -i xpti' in dom0 tells, pv-l1tf is on the line after\n");
	return kind;
}

/* On one CPU, the last that we may use: the first one often has the interrupts. */
static void stay(void)
{
	cpu_set_t may, one;
	int cpu, last = -1;

	if (sched_getaffinity(0, sizeof(may), &may))
		err(1, "sched_getaffinity");
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &may))
			last = cpu;
	CPU_ZERO(&one);
	CPU_SET(last, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		err(1, "sched_setaffinity");
	our_cpu = last;
	printf("CPU:     %d\n", last);
}

static uint64_t middle(work_fn *work, size_t len)
{
	uint64_t a = work(len, NULL), b = work(len, NULL), c = work(len, NULL), t;

	if (a > b) {
		t = a;
		a = b;
		b = t;
	}
	return c < a ? a : c > b ? b : c;
}

static uint64_t worst(work_fn *work, size_t len)
{
	uint64_t ns = 0, once;
	int i;

	start_waker();
	for (i = 0; i < TIMES; i++) {
		work(len, begin_worst);
		once = end_worst();
		if (once > ns)
			ns = once;
	}
	stop_waker();
	return ns;
}

static int room_for(size_t len)
{
	if (now() > deadline) {
		printf("(no time for processes of %zu MiB)\n", len / MIB);
		return 0;
	}
	if (available() < 3 * len) {
		printf("(no memory for processes of %zu MiB)\n", len / MIB);
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	static const unsigned long sizes[] = { 16, 64, 256, 512, 1024 };
	struct sigaction action = { .sa_handler = on_signal };
	unsigned long max = 1024, s;
	const char *kind, *json = NULL;
	int has_tracer = 0, has_exit = 0, has_enter = 0, opt;
	struct utsname uts;
	FILE *out = NULL;
	size_t len, i;
	char *end;

	if (argc == 2 && !strcmp(argv[1], "--true"))
		return 0;
	while ((opt = getopt(argc, argv, "m:j:c:")) != -1) {
		switch (opt) {
		case 'm':
			max = strtoul(optarg, &end, 10);
			if (*end || max < 16 || max > 1024)
				errx(2, "-m %s: wants a number from 16 to 1024", optarg);
			break;
		case 'j':
			json = optarg;
			break;
		case 'c':
			read_old(optarg);
			break;
		default:
			goto usage;
		}
	}
	if (optind < argc)
		goto usage;
	if (geteuid())
		errx(1, "must be run as root: only root may have a SCHED_FIFO task; nothing was done");
	if (available() < MIN_AVAILABLE)
		errx(1, "less than %lu MiB of memory are available: others might have to swap; nothing was done",
		     MIN_AVAILABLE / MIB);
	if (json) {
		out = fopen(json, "w");
		if (!out)
			err(1, "%s", json);
	}

	me = getpid();
	deadline = now() + MAX_SECONDS * 1000000000ULL;
	tracing = access("/sys/kernel/tracing/trace", F_OK) ? "/sys/kernel/debug/tracing" :
							     "/sys/kernel/tracing";
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_ANONYMOUS | MAP_SHARED, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	atexit(cleanup);
	for (i = 0; i < NR_SIGNALS; i++)
		sigaction(signals[i], &action, NULL);
	alarm(LIMIT_SECONDS);

	uname(&uts);
	kind = machine(&uts);
	stay();
	if (tracing_is_free()) {
		has_tracer = tracer_there();
		has_exit = symbol_there("xen_exit_mmap") && !strcmp(kind, "Xen PV");
		has_enter = symbol_there("xen_enter_mmap") && !strcmp(kind, "Xen PV");
		printf("tracing: irqsoff %s, kprobes %s\n\n", has_tracer ? "yes" : "no",
		       has_exit && has_enter ? "yes" : "no");
	} else {
		printf("tracing: not there, or in use by others: left alone\n\n");
	}
	if (nr_old_figures)
		printf("%-52s %10s   %10s\n", "", "now", "then");

	record(loop(1, 1), "vfork+exec+wait, small process", "loop.vfork-exec");
	record(loop(0, 1), "fork+exec+wait, small process", "loop.fork-exec");
	record(loop(0, 0), "fork+exit+wait, small process", "loop.fork-exit");
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		s = sizes[i];
		len = s * MIB;
		if (s > max || !room_for(len))
			break;
		record_size(middle(one_exit, len), "exit to wait()", "exit", s);
		record_size(worst(one_exit, len), "worst FIFO wake-up during exits", "exit-wakeup", s);
		if (has_tracer)
			record_size(irqsoff(one_exit, len), "longest IRQs-off at exit",
				    "exit-irqsoff", s);
		if (has_exit)
			record_size(longest_call("xen_exit_mmap", one_exit, len),
				    "xen_exit_mmap()", "xen-exit-mmap", s);
		record_size(middle(one_fork, len), "fork()", "fork", s);
		record_size(worst(one_fork, len), "worst FIFO wake-up during forks", "fork-wakeup", s);
		if (has_tracer)
			record_size(irqsoff(one_fork, len), "longest IRQs-off in fork()",
				    "fork-irqsoff", s);
		if (has_enter)
			record_size(longest_call("xen_enter_mmap", one_fork, len),
				    "xen_enter_mmap()", "xen-enter-mmap", s);
	}
	printf("\n");
	conclude("exit-wakeup", "exit");
	conclude("fork-wakeup", "fork");
	if (out) {
		write_json(out, kind, &uts);
		if (fclose(out))
			err(1, "%s", json);
	}
	return 0;

usage:
	fprintf(stderr, "usage: measure [-m MIB] [-j FILE] [-c OLD]    (see the head of measure.c)\n");
	return 2;
}
