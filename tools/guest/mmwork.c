// SPDX-License-Identifier: GPL-2.0
/*
 * mmwork - make and destroy address spaces, and time it
 *
 *   mmwork [OPTIONS] exit MIB     a process of MIB MiB exits
 *   mmwork [OPTIONS] fork MIB     a process of MIB MiB forks
 *   mmwork [OPTIONS] refork MIB   the same, after a first fork that isn't counted:
 *                                 all its pages are write-protected already
 *   mmwork [OPTIONS] cow MIB      a process of MIB MiB has forked, its child has
 *                                 exited, and it writes to all its pages
 *   mmwork [OPTIONS] copy MIB     the same while the child is still there
 *   mmwork [OPTIONS] sparse GIB   a process with one page in each 2 MiB of GIB
 *                                 GiB exits: many tables, little memory
 *   mmwork [OPTIONS] scattered GIB  the same with one page in each GiB: as many PMD
 *                                 pages
 *   mmwork moved MIB PROCS        a child of a process of MIB MiB writes 0 to
 *                                 PROCS, of a cgroup, and then to all its pages, and
 *                                 exits
 *   mmwork mrelease MIB           process_mrelease() of a process of MIB MiB that is
 *                                 a zombie: it fails, with nothing held any more of
 *                                 what the process has left
 *   mmwork loop vfork-exec|fork-exec|fork-exit COUNT
 *
 *   -n TIMES  do it so often: so many processes exit, one after the other, or
 *             one forks so many times
 *   -s FILE   write 1 to FILE right before what is timed and 0 right after it
 *   -w MS     when the last process has exited, wait so long, before that 0: for
 *             what the kernel goes on to do
 *   -g FIFO   when all processes are there and populated, open FIFO for reading
 *             twice: first to say so, then to be told to go on
 *   -f FILE   the processes also map FILE, shared and private, and write to it
 *
 * Prints "NAME NANOSECONDS", the mean of several times; mrelease prints nothing. An
 * exit takes from the last instruction of the process to the return of its parent's
 * wait(), a fork from the call to its return in the parent. A loop's figure is that
 * of one round. What -w waits for is in none of them.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096UL
#define MIB		(1UL << 20)
#define GIB		(1UL << 30)
#define LEAF_SPAN	(2 * MIB)

#define MARK_BEGIN()	asm volatile("nopl 0xbad0001(%rax)")
#define MARK_END()	asm volatile("nopl 0xbad0002(%rax)")

static int switch_fd = -1;
static unsigned long wait_ms;
static const char *fifo, *file;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void set_switch(const char *value)
{
	if (switch_fd >= 0 && write(switch_fd, value, 1) != 1)
		err(1, "write to the file of -s");
}

static void rendezvous(void)
{
	int i, fd;
	char c;

	for (i = 0; fifo && i < 2; i++) {
		fd = open(fifo, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			err(1, "%s", fifo);
		while (read(fd, &c, 1) > 0)
			;
		close(fd);
	}
}

static void *map(size_t len, int flags)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		err(1, "mmap of %zu bytes", len);
	return p;
}

/* Map all of the file and fill it. */
static void populate_file(int flags, int c)
{
	int fd = open(file, O_RDWR);
	struct stat st;
	char *p;

	if (fd < 0 || fstat(fd, &st))
		err(1, "%s", file);
	p = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		err(1, "mmap of %s", file);
	memset(p, c, st.st_size);
}

static void write_all(char *p, size_t len, size_t step)
{
	size_t i;

	for (i = 0; i < len; i += step)
		p[i] = 1;
}

/*
 * Map len bytes and write one byte in each step. The kernel is many times as
 * fast as page faults are in an emulated Xen guest.
 */
static char *populate(size_t len, size_t step)
{
	char *p = map(len, MAP_PRIVATE | MAP_NORESERVE |
			   (step == PAGE ? MAP_POPULATE : 0));

	write_all(p, len, step);
	if (file) {
		populate_file(MAP_SHARED, 'S');
		populate_file(MAP_PRIVATE, 'P');
	}
	return p;
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

static pid_t xfork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	return pid;
}

static uint64_t time_exit(size_t len, size_t step, unsigned long times)
{
	uint64_t *start = map(sizeof(*start), MAP_SHARED);
	uint64_t end, sum = 0;
	int ready[2], go[2];
	unsigned long i;
	char c;

	if (pipe2(go, O_CLOEXEC))
		err(1, "pipe");

	for (i = 0; i < times; i++) {
		/* Of each child: nobody else keeps it open when that is killed. */
		if (pipe2(ready, O_CLOEXEC))
			err(1, "pipe");
		if (!xfork()) {
			close(go[1]);
			populate(len, step);
			if (write(ready[1], "", 1) != 1 ||
			    read(go[0], &c, 1) != 1)
				_exit(1);
			*start = now();
			MARK_BEGIN();
			_exit(0);
		}
		close(ready[1]);
		if (read(ready[0], &c, 1) != 1)
			errx(1, "the child has died");
		close(ready[0]);
	}

	rendezvous();
	for (i = 0; i < times; i++) {
		set_switch("1");
		/* Whoever of them reads it first is the next to exit. */
		if (write(go[1], "", 1) != 1)
			err(1, "write");
		wait_for(-1);
		MARK_END();
		end = now();
		if (i == times - 1)
			usleep(wait_ms * 1000);
		set_switch("0");
		sum += end - *start;
	}
	return sum / times;
}

/* It is there until it is killed, and does nothing in the time of its parent. */
static pid_t idle_child(void)
{
	pid_t pid = xfork();

	if (!pid)
		for (;;)
			pause();
	return pid;
}

static void end_child(pid_t pid)
{
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) < 0)
		err(1, "child");
}

static uint64_t time_moved(size_t len, const char *procs)
{
	uint64_t *start = map(sizeof(*start), MAP_SHARED);
	char *p = populate(len, PAGE);

	if (!xfork()) {
		int fd = open(procs, O_WRONLY);

		if (fd < 0 || write(fd, "0", 1) != 1)
			err(1, "%s", procs);
		write_all(p, len, PAGE);
		*start = now();
		_exit(0);
	}
	wait_for(-1);
	return now() - *start;
}

static uint64_t time_fork(size_t len, int again, unsigned long times)
{
	uint64_t start, end, sum = 0;
	unsigned long i;
	pid_t pid;

	populate(len, PAGE);
	if (again) {
		end_child(idle_child());
		/* Until its page tables are free as well */
		usleep(100000);
	}

	rendezvous();
	for (i = 0; i < times; i++) {
		set_switch("1");
		start = now();
		MARK_BEGIN();
		pid = idle_child();
		MARK_END();
		end = now();
		set_switch("0");
		end_child(pid);
		sum += end - start;
	}
	return sum / times;
}

static uint64_t time_cow(size_t len, int shared, unsigned long times)
{
	char *p = populate(len, PAGE);
	uint64_t start, end, sum = 0;
	unsigned long i;
	pid_t pid;

	rendezvous();
	for (i = 0; i < times; i++) {
		pid = idle_child();
		if (!shared)
			end_child(pid);
		set_switch("1");
		start = now();
		MARK_BEGIN();
		write_all(p, len, PAGE);
		MARK_END();
		end = now();
		set_switch("0");
		if (shared)
			end_child(pid);
		sum += end - start;
	}
	return sum / times;
}

static void mrelease(size_t len)
{
	pid_t pid = xfork();
	siginfo_t info;
	int fd;

	if (!pid) {
		populate(len, PAGE);
		raise(SIGKILL);
	}
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		err(1, "pidfd_open");
	/* A zombie has exited, and isn't gone: whoever has its pidfd may ask. */
	if (waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		err(1, "waitid");
	if (info.si_code != CLD_KILLED || info.si_status != SIGKILL)
		errx(1, "the child ended with %d", info.si_status);
	if (syscall(SYS_process_mrelease, fd, 0) != -1 || errno != ESRCH)
		errx(1, "process_mrelease() does not say that the child is gone");
	close(fd);
	if (waitpid(pid, NULL, 0) < 0)
		err(1, "waitpid");
}

/* The child never returns from here, so vfork() is safe. */
static pid_t small_process(int use_vfork, int exec)
{
	static char *const argv[] = { "true", NULL };
	static char *const envp[] = { NULL };
	pid_t pid = use_vfork ? vfork() : fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (exec)
			execve("/bin/true-static", argv, envp);
		_exit(exec);
	}
	return pid;
}

static void time_loop(const char *kind, unsigned long count)
{
	int use_vfork = !strcmp(kind, "vfork-exec");
	int exec = use_vfork || !strcmp(kind, "fork-exec");
	uint64_t start = 0;
	unsigned long i;

	if (!exec && strcmp(kind, "fork-exit"))
		errx(2, "unknown loop '%s'", kind);

	/* The first tenth warms up. */
	for (i = 0; i < count + count / 10; i++) {
		if (i == count / 10)
			start = now();
		if (i == count + count / 10 - 1)
			MARK_BEGIN();
		wait_for(small_process(use_vfork, exec));
	}
	MARK_END();
	printf("%s %llu\n", kind,
	       (unsigned long long)((now() - start) / count));
}

static unsigned long number(const char *s, unsigned long max)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(s, &end, 0);
	if (errno || *end || end == s || !n || n > max)
		errx(2, "'%s' is not a number from 1 to %lu", s, max);
	return n;
}

int main(int argc, char **argv)
{
	unsigned long times = 1;
	uint64_t ns;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:w:g:f:")) != -1) {
		switch (opt) {
		case 'n':
			times = number(optarg, INT_MAX);
			break;
		case 's':
			switch_fd = open(optarg, O_WRONLY | O_CLOEXEC);
			if (switch_fd < 0)
				err(1, "%s", optarg);
			break;
		case 'w':
			wait_ms = number(optarg, 1000);
			break;
		case 'g':
			fifo = optarg;
			break;
		case 'f':
			file = optarg;
			break;
		default:
			return 2;
		}
	}
	argc -= optind;
	argv += optind;

	if (argc == 3 && !strcmp(argv[0], "loop")) {
		time_loop(argv[1], number(argv[2], INT_MAX));
		return 0;
	}
	if (argc == 2 && !strcmp(argv[0], "mrelease")) {
		mrelease(number(argv[1], 1 << 20) * MIB);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[0], "exit"))
		ns = time_exit(number(argv[1], 1 << 20) * MIB, PAGE, times);
	else if (argc == 2 && !strcmp(argv[0], "sparse"))
		ns = time_exit(number(argv[1], 1 << 16) * GIB, LEAF_SPAN, times);
	else if (argc == 2 && !strcmp(argv[0], "scattered"))
		ns = time_exit(number(argv[1], 1 << 16) * GIB, GIB, times);
	else if (argc == 3 && !strcmp(argv[0], "moved"))
		ns = time_moved(number(argv[1], 1 << 20) * MIB, argv[2]);
	else if (argc == 2 && !strcmp(argv[0], "fork"))
		ns = time_fork(number(argv[1], 1 << 20) * MIB, 0, times);
	else if (argc == 2 && !strcmp(argv[0], "refork"))
		ns = time_fork(number(argv[1], 1 << 20) * MIB, 1, times);
	else if (argc == 2 && !strcmp(argv[0], "cow"))
		ns = time_cow(number(argv[1], 1 << 20) * MIB, 0, times);
	else if (argc == 2 && !strcmp(argv[0], "copy"))
		ns = time_cow(number(argv[1], 1 << 20) * MIB, 1, times);
	else
		errx(2, "see the head of mmwork.c");
	printf("%s %llu\n", argv[0], (unsigned long long)ns);
	return 0;
}
