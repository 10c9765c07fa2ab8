// SPDX-License-Identifier: GPL-2.0
/*
 * mmstress - processes that come and go in every way that frees page tables
 *
 *   mmstress WORKERS ROUNDS [MIB]
 *
 * Each of WORKERS processes owns a patterned area and does ROUNDS times one of
 * the following, by turns, with children of up to MIB MiB (default 32): a child
 * that exits; that is killed while one or several threads of it touch memory,
 * and has that reaped by process_mrelease() at the same time; that forks, both
 * changing the pages that they share; that unmaps, protects and moves parts of
 * its memory first; that becomes another program; that shares memory and file
 * mappings with others.
 * Whatever is shared is checked for its contents, in children and parents.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mm.h"

static size_t child_len = 32 * MIB;

/* Anything from one page to the most, often across many leaf tables. */
static size_t some_len(void)
{
	return (1 + rnd() % (child_len / PAGE)) * PAGE;
}

static void do_exit(void)
{
	size_t len = some_len();
	pid_t pid = xfork();

	if (!pid) {
		fill(map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1), len, 1);
		_exit(0);
	}
	reap(pid, 0);
}

static void *touch_forever(void *unused)
{
	size_t len = child_len / 4;

	(void)unused;
	for (;;) {
		char *p = map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1);

		fill(p, len, 2);
		munmap(p, len);
	}
	return NULL;
}

static void do_kill(int threads)
{
	pid_t pid = xfork();
	pthread_t t;
	int fd;

	if (!pid) {
		while (--threads > 0)
			if (pthread_create(&t, NULL, touch_forever, NULL))
				_exit(1);
		touch_forever(NULL);
	}
	fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		err(1, "pidfd_open");
	usleep(rnd() % 20000);
	kill(pid, SIGKILL);
	/*
	 * Race with the exit for the entries of its tables, from the other CPU
	 * if there is one. It may well be too early or too late.
	 */
	while (syscall(SYS_process_mrelease, fd, 0) && errno == EAGAIN)
		;
	close(fd);
	reap(pid, SIGKILL);
}

static void do_fork(void)
{
	size_t len = some_len();
	pid_t pid = xfork();

	if (!pid) {
		char *p = map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1);

		fill(p, len, 3);
		pid = xfork();
		if (!pid) {
			check(p, len, 3);
			fill(p, len / 2, 4);
			check(p, len / 2, 4);
			_exit(0);
		}
		fill(p, len, 5);
		/* Every other time the child outlives its parent. */
		if (rnd() & 1)
			reap(pid, 0);
		check(p, len, 5);
		_exit(0);
	}
	reap(pid, 0);
}

static void do_parts(void)
{
	size_t len = some_len() + 8 * PAGE;
	pid_t pid = xfork();

	if (!pid) {
		char *p = map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		size_t part = len / 4 / PAGE * PAGE;
		char *q;

		fill(p, len, 6);
		if (munmap(p + part, part) ||
		    mprotect(p, part, PROT_READ) ||
		    madvise(p + 3 * part, part / 2 / PAGE * PAGE, MADV_DONTNEED))
			err(1, "munmap, mprotect, madvise");
		check(p, part, 6);
		q = mremap(p + 2 * part, part, 2 * part, MREMAP_MAYMOVE);
		if (q == MAP_FAILED)
			err(1, "mremap");
		check(q, part, 6 + 2 * part);
		fill(q, 2 * part, 7);
		_exit(0);
	}
	reap(pid, 0);
}

static void do_exec(void)
{
	size_t len = some_len();
	pid_t pid = xfork();

	if (!pid) {
		fill(map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1), len, 8);
		execl("/bin/true-static", "true", NULL);
		err(1, "exec");
	}
	reap(pid, 0);
}

static void do_shared(void)
{
	size_t len = some_len();
	char name[] = "/dev/shm/mmstress.XXXXXX";
	int fd = mkstemp(name);
	char *p, *q;
	pid_t pid;

	if (fd < 0 || unlink(name) || ftruncate(fd, len))
		err(1, "%s", name);
	p = map(len, MAP_SHARED, fd);
	pid = xfork();
	if (!pid) {
		fill(p, len, 9);
		q = map(len, MAP_PRIVATE, fd);
		fill(q, len / 2, 10);
		check(p, len, 9);
		_exit(0);
	}
	reap(pid, 0);
	check(p, len, 9);
	munmap(p, len);
	close(fd);
}

static void worker(unsigned int nr, unsigned long rounds)
{
	size_t len = child_len / 4;
	char *own = map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	unsigned long i;

	seed = 0x9e3779b97f4a7c15ULL * (nr + 1);
	fill(own, len, nr);
	for (i = 0; i < rounds; i++) {
		switch ((i + nr) % 7) {
		case 0: do_exit(); break;
		case 1: do_kill(1); break;
		case 2: do_fork(); break;
		case 3: do_parts(); break;
		case 4: do_exec(); break;
		case 5: do_kill(3); break;
		case 6: do_shared(); break;
		}
		check(own, len, nr);
		/* And once in a while take part in copy-on-write. */
		if (!(rnd() % 8))
			fill(own, len, nr);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned int workers, i;
	unsigned long rounds;

	if (argc < 3 || argc > 4)
		errx(2, "usage: mmstress WORKERS ROUNDS [MIB]");
	workers = atoi(argv[1]);
	rounds = atol(argv[2]);
	if (argc > 3)
		child_len = atol(argv[3]) * MIB;
	if (!workers || !rounds || child_len < MIB)
		errx(2, "WORKERS, ROUNDS and MIB are numbers from 1 on");

	for (i = 0; i < workers; i++)
		if (!xfork())
			worker(i, rounds);
	for (i = 0; i < workers; i++)
		reap(-1, 0);
	printf("%u workers, %lu rounds each\n", workers, rounds);
	return 0;
}
