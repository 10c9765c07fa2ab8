// SPDX-License-Identifier: GPL-2.0
/*
 * forkstorm - fork while threads write, and look whether everybody has got what
 * is theirs
 *
 *   forkstorm storm PARENTS THREADS MIB FORKS
 *   forkstorm ways ROUNDS
 *   forkstorm fail FORKS MIB
 *
 * storm: each of PARENTS processes has THREADS threads which write to an area of
 * MIB MiB each, page after page and round after round, and forks FORKS times
 * meanwhile. A thread that has to wait for the fork can't have written behind
 * the page where it waits. So a child must see a round in the first pages of each
 * area, and the round before in all others. It writes to some pages itself, and
 * must see the same again some time later. The threads look at what they wrote
 * the round before, each time before they write.
 *
 * ways: creates processes in other ways: vfork, clone with CLONE_VM, a child that
 * is traced and changed by its parent, one that is killed by a signal that dumps
 * core, in the middle of many threads.
 *
 * fail: forks that may fail (whoever calls this sees to it, for tasks that have said
 * that they may). A child that is there has what its parent has, and keeps to itself
 * what it writes. For each fork, the parent maps two pages in each of some GiB where
 * nothing else is, and both unmap them again, so upper tables go while they live. The
 * kernel may kill a child instead, or the parent; that is for whoever calls this.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL
#define WORDS	(PAGE / sizeof(uint64_t))
#define MIB	(1UL << 20)
#define GIB	(1UL << 30)

/* What has upper tables of its own */
#define APART		0x100000000000UL
#define NR_APART	3

struct area {
	volatile uint64_t *p;
	size_t pages;
	pthread_t thread;
	atomic_int stop;
	atomic_ulong rounds;
};

static volatile uint64_t *map(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap of %zu bytes", len);
	return p;
}

/* The first and the last word of a page hold the round, in this order. */
static void *writer(void *arg)
{
	struct area *a = arg;
	uint64_t round = 0;
	size_t i;

	while (!a->stop) {
		for (i = 0; i < a->pages; i++) {
			volatile uint64_t *p = a->p + i * WORDS;

			if (p[0] != round || p[WORDS - 1] != round)
				errx(1, "parent: page %zu has %llu and %llu in round %llu",
				     i, (unsigned long long)p[0],
				     (unsigned long long)p[WORDS - 1],
				     (unsigned long long)round);
			p[0] = round + 1;
			p[WORDS - 1] = round + 1;
		}
		a->rounds = ++round;
	}
	return NULL;
}

/* Words from the first page to the last are ROUND, and ROUND - 1 after that. */
static uint64_t look(const struct area *a)
{
	uint64_t sum = 0, last = a->p[0];
	size_t i, j;

	for (i = 0; i < a->pages; i++) {
		for (j = 0; j < WORDS; j += WORDS - 1) {
			uint64_t v = a->p[i * WORDS + j];

			if (v != last && (v != a->p[0] - 1 || last != a->p[0]))
				errx(1, "child: page %zu of %zu has %llu after %llu, the first %llu",
				     i, a->pages, (unsigned long long)v,
				     (unsigned long long)last,
				     (unsigned long long)a->p[0]);
			last = v;
			sum = sum * 31 + v;
		}
	}
	return sum;
}

static void child(struct area *areas, int threads, int nr)
{
	uint64_t sum[threads];
	size_t i;
	int t;

	for (t = 0; t < threads; t++)
		sum[t] = look(&areas[t]);
	/* Words that nobody else looks at */
	for (t = 0; t < threads; t++)
		for (i = nr % 7; i < areas[t].pages; i += 7)
			areas[t].p[i * WORDS + 1] = i ^ nr;
	usleep(10000);
	for (t = 0; t < threads; t++) {
		if (look(&areas[t]) != sum[t])
			errx(1, "child %d: area %d has changed", nr, t);
		for (i = nr % 7; i < areas[t].pages; i += 7)
			if (areas[t].p[i * WORDS + 1] != (i ^ nr))
				errx(1, "child %d: page %zu has lost its word",
				     nr, i);
	}
	_exit(0);
}

static void wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			err(1, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		errx(1, "child ended with status %#x", status);
}

static void parent(int threads, size_t len, int forks)
{
	struct area areas[threads];
	unsigned long rounds = 0;
	pid_t pids[forks];
	int i;

	memset(areas, 0, sizeof(areas));
	for (i = 0; i < threads; i++) {
		areas[i].pages = len / PAGE;
		areas[i].p = map(len);
		if (pthread_create(&areas[i].thread, NULL, writer, &areas[i]))
			errx(1, "pthread_create");
	}
	for (i = 0; i < forks; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			err(1, "fork");
		if (!pids[i])
			child(areas, threads, i);
		/* Up to three children at a time */
		if (i >= 2)
			wait_for(pids[i - 2]);
		usleep(3000);
	}
	for (i = forks < 2 ? 0 : forks - 2; i < forks; i++)
		wait_for(pids[i]);
	for (i = 0; i < threads; i++) {
		areas[i].stop = 1;
		pthread_join(areas[i].thread, NULL);
		if (look(&areas[i]), areas[i].p[0] != areas[i].rounds)
			errx(1, "parent: area %d isn't in round %lu", i,
			     (unsigned long)areas[i].rounds);
		rounds += areas[i].rounds;
	}
	if (rounds < (unsigned long)threads)
		errx(1, "only %lu rounds of %d threads", rounds, threads);
	printf("rounds %lu\n", rounds);
	exit(0);
}

static int in_clone(void *arg)
{
	volatile uint64_t *p = arg;
	size_t i;

	for (i = 0; i < 64; i++)
		p[i * WORDS] += 1;
	return 0;
}

static void expect(volatile uint64_t *p, uint64_t value)
{
	size_t i;

	for (i = 0; i < 64; i++)
		if (p[i * WORDS] != value)
			errx(1, "page %zu has %llu, not %llu", i,
			     (unsigned long long)p[i * WORDS],
			     (unsigned long long)value);
}

static void traced(volatile uint64_t *p)
{
	size_t i;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			err(1, "PTRACE_TRACEME");
		raise(SIGSTOP);
		expect(p, 42);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		errx(1, "traced child has status %#x", status);
	for (i = 0; i < 64; i++)
		if (ptrace(PTRACE_POKEDATA, pid, p + i * WORDS, 42L))
			err(1, "PTRACE_POKEDATA");
	if (ptrace(PTRACE_CONT, pid, 0, 0))
		err(1, "PTRACE_CONT");
	wait_for(pid);
}

static void dumps_core(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct area a = { .pages = 1024 };
	pid_t pid = fork();
	int status, i;

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (setrlimit(RLIMIT_CORE, &unlimited) || chdir("/tmp"))
			_exit(1);
		a.p = map(a.pages * PAGE);
		for (i = 0; i < 3; i++) {
			struct area *b = malloc(sizeof(*b));

			*b = a;
			b->p = map(a.pages * PAGE);
			pthread_create(&b->thread, NULL, writer, b);
		}
		usleep(2000);
		/* An address space is being created when the signal comes. */
		if (!fork())
			_exit(0);
		abort();
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGABRT)
		errx(1, "child that dumps core has status %#x", status);
}

static void ways(int rounds)
{
	static char *const argv[] = { "true", NULL };
	static char *const envp[] = { NULL };
	size_t len = 64 * PAGE, stack_len = 16 * PAGE;
	volatile uint64_t *p = map(len);
	char *stack = (char *)map(stack_len);
	uint64_t value = 0;
	pid_t pid;
	int i;

	for (i = 0; i < rounds; i++) {
		pid = vfork();
		if (!pid) {
			execve("/bin/true-static", argv, envp);
			_exit(1);
		}
		wait_for(pid);
		pid = clone(in_clone, stack + stack_len,
			    CLONE_VM | SIGCHLD | (i & 1 ? CLONE_VFORK : 0),
			    (void *)p);
		if (pid < 0)
			err(1, "clone");
		wait_for(pid);
		expect(p, ++value);
		pid = clone(in_clone, stack + stack_len, SIGCHLD, (void *)p);
		if (pid < 0)
			err(1, "clone");
		wait_for(pid);
		expect(p, value);
		traced(p);
		expect(p, value);
		dumps_core();
	}
}

static void make_it_fail(void)
{
	int fd = open("/proc/self/make-it-fail", O_WRONLY);

	if (fd < 0 || write(fd, "1", 1) != 1)
		err(1, "/proc/self/make-it-fail");
	close(fd);
}

static volatile uint64_t *apart(int i)
{
	return (volatile uint64_t *)(APART + i * GIB);
}

/* Whatever may fail may be tried again. */
static void map_apart(uint64_t value)
{
	int i;

	for (i = 0; i < NR_APART; i++) {
		while (mmap((void *)apart(i), 2 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE |
			    MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
			if (errno != ENOMEM)
				err(1, "mmap of GiB %d", i);
		apart(i)[0] = apart(i)[WORDS] = value;
	}
}

static void look_apart(uint64_t value)
{
	int i;

	for (i = 0; i < NR_APART; i++)
		if (apart(i)[0] != value || apart(i)[WORDS] != value)
			errx(1, "GiB %d has %llu and %llu in round %llu", i,
			     (unsigned long long)apart(i)[0],
			     (unsigned long long)apart(i)[WORDS],
			     (unsigned long long)value);
}

static void unmap_apart(void)
{
	while (munmap((void *)apart(0), NR_APART * GIB))
		if (errno != ENOMEM)
			err(1, "munmap");
}

static void may_fail(int forks, size_t len)
{
	struct area a = { .p = map(len), .pages = len / PAGE };
	int i, status, failed = 0, killed = 0;
	size_t j, step;
	pid_t pid;

	for (j = 0; j < a.pages; j++)
		a.p[j * WORDS] = a.p[j * WORDS + WORDS - 1] = 0;
	make_it_fail();
	for (i = 0; i < forks; i++) {
		map_apart(i + 1);
		pid = fork();
		if (pid < 0) {
			failed++;
		} else if (!pid) {
			look(&a);
			look_apart(i + 1);
			for (j = 0; j < a.pages; j += 3)
				a.p[j * WORDS] = 1;
			unmap_apart();
			_exit(0);
		} else {
			/* The kernel's write must not be what fails: no COW then. */
			status = 0;
			if (waitpid(pid, &status, 0) < 0)
				err(1, "waitpid");
			if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
				killed++;
			else if (status)
				errx(1, "child ended with status %#x", status);
		}
		look_apart(i + 1);
		unmap_apart();
		/* All that fork is to write-protect next time, or some of it */
		step = i % 2 ? 5 : 1;
		for (j = i % step; j < a.pages; j += step) {
			if (a.p[j * WORDS])
				errx(1, "page %zu has changed", j);
			a.p[j * WORDS] = 0;
		}
	}
	printf("failed %d\nkilled %d\n", failed, killed);
}

int main(int argc, char **argv)
{
	pid_t pid[64];
	int i, n;

	if (argc == 6 && !strcmp(argv[1], "storm")) {
		n = atoi(argv[2]);
		if (n < 1 || n > 64)
			errx(2, "1 to 64 parents");
		for (i = 0; i < n; i++) {
			pid[i] = fork();
			if (pid[i] < 0)
				err(1, "fork");
			if (!pid[i])
				parent(atoi(argv[3]), atol(argv[4]) * MIB,
				       atoi(argv[5]));
		}
		for (i = 0; i < n; i++)
			wait_for(pid[i]);
	} else if (argc == 3 && !strcmp(argv[1], "ways")) {
		ways(atoi(argv[2]));
	} else if (argc == 4 && !strcmp(argv[1], "fail")) {
		may_fail(atoi(argv[2]), atol(argv[3]) * MIB);
	} else {
		errx(2, "see the head of forkstorm.c");
	}
	return 0;
}
