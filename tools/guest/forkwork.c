// SPDX-License-Identifier: GPL-2.0
/*
 * forkwork - what a fork costs afterwards
 *
 *   forkwork [-s FILE] second MIB   a process of MIB MiB that has just forked, and
 *                                   so is write-protected, forks again
 *   forkwork [-s FILE] cow MIB      the same process writes to all its pages
 *                                   while its child has them, too
 *   forkwork [-s FILE] reuse MIB    it does so when the child is gone
 *   forkwork [-s FILE] fork MIB     a process of MIB MiB forks
 *   forkwork wait FIFO MIB          the same, four times, and not before FIFO has
 *                                   been opened for writing twice; once more
 *                                   before it exits
 *   forkwork [-s FILE] files MIB    a process that has MIB MiB of a file mapped
 *                                   privately, every other page of it written,
 *                                   forks
 *
 *   forkwork [-s FILE] small vfork-exec|fork-exec|fork-exit
 *                                   a small process is created and waited for
 *
 *   -s FILE  write 1 to FILE right before what is timed and 0 right after it
 *
 * Prints "NAME NANOSECONDS". What is timed lies between the marks of tools/count.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096UL
#define MIB	(1UL << 20)

static int switch_fd = -1;
static uint64_t start;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Not inlined: where it is doesn't matter to what is counted. */
static void __attribute__((noinline)) mark_begin(void)
{
	asm volatile("nopl 0xbad0001(%rax)");
}

static void __attribute__((noinline)) mark_end(void)
{
	asm volatile("nopl 0xbad0002(%rax)");
}

static void begin(void)
{
	if (switch_fd >= 0 && write(switch_fd, "1", 1) != 1)
		err(1, "write to the file of -s");
	start = now();
	mark_begin();
}

static uint64_t end(void)
{
	uint64_t ns;

	mark_end();
	ns = now() - start;

	if (switch_fd >= 0 && write(switch_fd, "0", 1) != 1)
		err(1, "write to the file of -s");
	return ns;
}

static void touch(volatile char *p, size_t len, size_t step)
{
	size_t i;

	for (i = 0; i < len; i += step)
		p[i]++;
}

/* A child that lives until it is killed. */
static pid_t child(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid)
		for (;;)
			pause();
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		err(1, "waitpid");
}

static void rendezvous(const char *fifo)
{
	int i, fd;
	char c;

	for (i = 0; i < 2; i++) {
		fd = open(fifo, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			err(1, "%s", fifo);
		while (read(fd, &c, 1) > 0)
			;
		close(fd);
	}
}

static void forks(const char *fifo, size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE, -1, 0);
	int i;

	if (p == MAP_FAILED)
		err(1, "mmap of %zu bytes", len);
	touch(p, len, PAGE);
	rendezvous(fifo);
	for (i = 0; i < 4; i++)
		end_child(child());
	rendezvous(fifo);
}

/* The child never returns from here, so vfork() is safe. */
static void small(const char *kind)
{
	static char *const argv[] = { "true", NULL };
	static char *const envp[] = { NULL };
	pid_t pid = kind[0] == 'v' ? vfork() : fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		if (strstr(kind, "exec"))
			execve("/bin/true-static", argv, envp);
		_exit(0);
	}
	if (waitpid(pid, NULL, 0) != pid)
		err(1, "waitpid");
}

static char *map_file(size_t len)
{
	char name[] = "/dev/shm/forkwork.XXXXXX", *p;
	int fd = mkstemp(name);

	if (fd < 0 || unlink(name) || ftruncate(fd, len))
		err(1, "%s", name);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return p;
}

int main(int argc, char **argv)
{
	const char *what;
	uint64_t ns;
	pid_t pid, second;
	size_t len;
	char *p;

	if (argc == 5 && !strcmp(argv[1], "-s")) {
		switch_fd = open(argv[2], O_WRONLY | O_CLOEXEC);
		if (switch_fd < 0)
			err(1, "%s", argv[2]);
		argc -= 2;
		argv += 2;
	}
	if (argc == 4 && !strcmp(argv[1], "wait")) {
		forks(argv[2], atol(argv[3]) * MIB);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "small")) {
		int i;

		for (i = 0; i < 20; i++)
			small(argv[2]);
		begin();
		small(argv[2]);
		ns = end();
		printf("%s %llu\n", argv[2], (unsigned long long)ns);
		return 0;
	}
	if (argc != 3 || atol(argv[2]) < 1)
		errx(2, "see the head of forkwork.c");
	what = argv[1];
	len = atol(argv[2]) * MIB;

	if (!strcmp(what, "files")) {
		p = map_file(len);
	} else {
		p = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_ANONYMOUS | MAP_PRIVATE | MAP_NORESERVE, -1, 0);
	}
	if (p == MAP_FAILED)
		err(1, "mmap of %zu bytes", len);

	if (!strcmp(what, "files")) {
		volatile char sum = 0;
		size_t i;

		touch(p, len, 2 * PAGE);
		for (i = 0; i < len; i += PAGE)
			sum += p[i];
		begin();
		pid = child();
		ns = end();
	} else {
		touch(p, len, PAGE);
		if (!strcmp(what, "fork"))
			begin();
		pid = child();
		if (!strcmp(what, "fork")) {
			ns = end();
		} else if (!strcmp(what, "second")) {
			begin();
			second = child();
			ns = end();
			end_child(second);
		} else if (!strcmp(what, "cow")) {
			begin();
			touch(p, len, PAGE);
			ns = end();
		} else if (!strcmp(what, "reuse")) {
			end_child(pid);
			begin();
			touch(p, len, PAGE);
			ns = end();
			pid = 0;
		} else {
			errx(2, "unknown work '%s'", what);
		}
	}
	if (pid)
		end_child(pid);
	printf("%s %llu\n", what, (unsigned long long)ns);
	return 0;
}
