// SPDX-License-Identifier: GPL-2.0
/*
 * mmrace - processes exit while others are after their pages
 *
 *   mmrace WORKERS SECONDS [MIB]
 *
 * Each of WORKERS processes owns an area of unique pages and one of pages that
 * ksmd may merge, and does one of the following by turns until SECONDS are
 * over, with children of up to MIB MiB (default 32): a child exits whose pages
 * are merged; that are swapped out, and shared with a relative; that are free
 * to be taken (MADV_FREE); that are locked; that a pipe still holds; that map a
 * file which is being truncated or gets holes; that somebody else is reading;
 * that it shares with several children, which exit at the same time.
 * What lives on is checked for its contents. Prints how much was done.
 *
 * The job has to bring the rest: ksmd, swap, compaction, reclaim.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <time.h>

#include "mm.h"

static size_t child_len = 32 * MIB;

/* Whole tables, so that each has some that are eligible: 4 MiB or more. */
static size_t some_len(void)
{
	return 4 * MIB + rnd() % (child_len / MIB - 3) * MIB;
}

/* The kernel is many times as fast as page faults are in an emulated guest. */
static char *map_anon(size_t len)
{
	return map(len, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
}

static void advise(char *p, size_t len, int advice)
{
	if (madvise(p, len, advice))
		err(1, "madvise %d", advice);
}

/* Four kinds of pages. */
static void fill_same(char *p, size_t len, uint64_t first)
{
	size_t i;

	for (i = 0; i < len; i += PAGE)
		*(volatile uint64_t *)(p + i) = first + i / PAGE % 4;
}

static void check_same(const char *p, size_t len, uint64_t first)
{
	size_t i;

	for (i = 0; i < len; i += PAGE)
		if (*(volatile const uint64_t *)(p + i) != first + i / PAGE % 4)
			errx(1, "page %zu of those that are equal holds %#llx",
			     i / PAGE, *(const unsigned long long *)(p + i));
}

/* The same where pages may have been lost, which then are all zeros. */
static void check_or_zero(const char *p, size_t len, uint64_t mark)
{
	size_t i;

	for (i = 0; i < len; i += PAGE) {
		uint64_t v = *(volatile const uint64_t *)(p + i);

		if (v && v != mark + i)
			errx(1, "page %zu holds %#llx, not %#llx or nothing",
			     i / PAGE, (unsigned long long)v,
			     (unsigned long long)mark + i);
	}
}

static void merged(void)
{
	size_t len = some_len();
	pid_t pid = xfork();

	if (!pid) {
		char *p = map_anon(len);

		advise(p, len, MADV_MERGEABLE);
		/* Those of them that are all zeros, ksmd counts, too. */
		fill_same(p, len, 0);
		usleep(rnd() % 300000);
		/* One time of two, most are not merged any more. */
		if (rnd() & 1)
			fill_same(p, len / 4 * 3, 0);
		check_same(p, len, 0);
		_exit(0);
	}
	reap(pid, 0);
}

static void swapped(void)
{
	size_t len = some_len(), half = len / 2;
	pid_t pid = xfork();

	if (!pid) {
		char *p = map_anon(len);

		fill(p, len, 1);
		advise(p, half, MADV_PAGEOUT);
		if (!xfork()) {
			check(p, half / 2, 1);
			advise(p + half, half, MADV_PAGEOUT);
			check(p + half, half / 2, 1 + half);
			_exit(0);
		}
		/* Entries of swap, its cache, and pages again: all at exit. */
		check(p, half / 2, 1);
		fill(p, half / 4, 2);
		check(p, half / 4, 2);
		_exit(0);
	}
	reap(pid, 0);
}

static void lost(void)
{
	size_t len = some_len(), i;
	pid_t pid = xfork();

	if (!pid) {
		char *p = map_anon(len);

		fill(p, len, 3);
		advise(p, len, MADV_FREE);
		/* Every other is wanted again. */
		for (i = 0; i < len; i += 2 * PAGE)
			fill(p + i, PAGE, 3 + i);
		usleep(rnd() % 100000);
		for (i = 0; i < len; i += 2 * PAGE)
			check(p + i, PAGE, 3 + i);
		check_or_zero(p, len, 3);
		_exit(0);
	}
	reap(pid, 0);
}

static void locked(void)
{
	size_t len = some_len();
	pid_t pid = xfork();

	if (!pid) {
		char *p = map_anon(len);

		if (mlock(p, len / 2))
			err(1, "mlock");
		fill(p, len, 4);
		advise(p + len / 2, len / 2, MADV_COLD);
		check(p, len, 4);
		_exit(0);
	}
	reap(pid, 0);
}

/* Pages that are in a pipe when their process is gone. */
static void piped(void)
{
	size_t len = some_len(), at = len / 2, n = 16 * PAGE, i;
	char *page = map_anon(PAGE);
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		err(1, "pipe");
	pid = xfork();
	if (!pid) {
		char *p = map_anon(len);
		struct iovec iov = { p + at, n };

		fill(p, len, 5);
		if (vmsplice(fds[1], &iov, 1, 0) != (ssize_t)n)
			err(1, "vmsplice");
		_exit(0);
	}
	reap(pid, 0);
	usleep(rnd() % 10000);
	for (i = 0; i < n; i += PAGE) {
		if (read(fds[0], page, PAGE) != (ssize_t)PAGE)
			err(1, "read of a pipe");
		check(page, PAGE, 5 + at + i);
	}
	close(fds[0]);
	close(fds[1]);
	munmap(page, PAGE);
}

static void lost_file(int sig)
{
	(void)sig;
	_exit(0);
}

/* A child maps a file, which gets holes, or is truncated and grows again. */
static void holes(int truncate)
{
	size_t len = some_len(), half = len / 2, at;
	int fd = memfd_create("mmrace", MFD_CLOEXEC);
	char *p;
	pid_t pid;
	int i, n;

	if (fd < 0 || ftruncate(fd, len))
		err(1, "memfd");
	p = map(len, MAP_SHARED, fd);
	fill(p, len, 6);
	pid = xfork();
	if (!pid) {
		char *q = map(len, MAP_PRIVATE, fd);

		if (truncate)
			signal(SIGBUS, lost_file);
		fill(q, half, 7);
		for (i = 0; i < 4; i++) {
			/* A hole does not take private copies away. */
			if (!truncate)
				check(q, half, 7);
			check_or_zero(q + half, half, 6 + half);
			check_or_zero(p, len, 6);
		}
		_exit(0);
	}
	do {
		at = rnd() % (len / PAGE) * PAGE;
		if (truncate ? ftruncate(fd, at) || ftruncate(fd, len) :
			       fallocate(fd, FALLOC_FL_PUNCH_HOLE |
					 FALLOC_FL_KEEP_SIZE, at, len / 16))
			err(1, "truncate or hole");
		usleep(rnd() % 10000);
		n = waitpid(pid, &i, WNOHANG);
	} while (!n);
	if (n != pid || i)
		errx(1, "child with a file ended with status %#x", i);
	check_or_zero(p, len, 6);
	munmap(p, len);
	close(fd);
}

static void hole(void) { holes(0); }
static void truncated(void) { holes(1); }

/* The last user of the address space may well be the one who reads it. */
static void watched(void)
{
	static const size_t n = 32 * PAGE;
	size_t len = some_len(), at, off;
	char *p = map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1), *q = map_anon(n);
	pid_t pid = xfork();

	if (!pid) {
		advise(p, len, MADV_POPULATE_WRITE);
		fill(p, len, 8);
		usleep(rnd() % 20000);
		_exit(0);
	}
	for (;;) {
		at = rnd() % ((len - n) / PAGE) * PAGE;
		struct iovec to = { q, n }, from = { p + at, n };
		ssize_t got = process_vm_readv(pid, &to, 1, &from, 1, 0);

		if (got < 0) {
			if (errno == ESRCH)
				break;
			err(1, "process_vm_readv");
		}
		for (off = 0; off + PAGE <= (size_t)got; off += PAGE)
			check_or_zero(q + off, PAGE, 8 + at + off);
	}
	reap(pid, 0);
	munmap(p, len);
	munmap(q, n);
}

static void family(void)
{
	size_t len = some_len(), part = len / 4;
	pid_t pid = xfork();
	int i, go[2];
	char c;

	if (pid) {
		reap(pid, 0);
		return;
	}
	char *p = map_anon(len);

	fill(p, len, 9);
	if (pipe(go))
		err(1, "pipe");
	for (i = 0; i < 4; i++) {
		if (xfork())
			continue;
		close(go[1]);
		check(p, len, 9);
		fill(p + i * part, part, 10 + i);
		/* Nobody ever writes: all go on when the last writer closes. */
		if (read(go[0], &c, 1))
			err(1, "read of a pipe");
		check(p + i * part, part, 10 + i);
		_exit(0);
	}
	fill(p, part, 14);
	close(go[1]);
	check(p, part, 14);
	check(p + part, len - part, 9 + part);
	/* Now some of the pages are nobody else's, others still are. */
	fill(p + part, len - part, 15);
	check(p + part, len - part, 15);
	_exit(0);
}

static const struct {
	const char *name;
	void (*race)(void);
} races[] = {
	{ "merged", merged }, { "swapped", swapped }, { "lost", lost },
	{ "locked", locked }, { "piped", piped }, { "hole", hole },
	{ "truncated", truncated }, { "watched", watched }, { "family", family },
};

#define NR_RACES (sizeof(races) / sizeof(races[0]))

static void worker(unsigned int nr, time_t end, unsigned long *done)
{
	size_t half = child_len / 4;
	char *own = map_anon(2 * half);
	unsigned int i;
	int status;

	seed = 0x9e3779b97f4a7c15ULL * (nr + 1);
	/* Whatever outlives its parent is ours to wait for. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		err(1, "prctl");
	fill(own, half, nr);
	advise(own + half, half, MADV_MERGEABLE);
	/*
	 * None of zeros: fork() and ksmd at the same time don't count them
	 * right, whoever it is that exits.
	 */
	fill_same(own + half, half, 1);
	for (i = nr; time(NULL) < end; i++) {
		races[i % NR_RACES].race();
		__atomic_add_fetch(&done[i % NR_RACES], 1, __ATOMIC_RELAXED);
		while (waitpid(-1, &status, 0) > 0)
			if (status)
				errx(1, "orphan of '%s' ended with status %#x",
				     races[i % NR_RACES].name, status);
		check(own, half, nr);
		check_same(own + half, half, 1);
		if (!(rnd() % 8))
			fill(own, half, nr);
		if (!(rnd() % 8))
			fill_same(own + half, half, 1);
		if (!(rnd() % 8))
			advise(own, 2 * half, MADV_PAGEOUT);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned int workers, i;
	unsigned long *done;
	time_t end;

	if (argc < 3 || argc > 4)
		errx(2, "usage: mmrace WORKERS SECONDS [MIB]");
	workers = atoi(argv[1]);
	end = time(NULL) + atol(argv[2]);
	if (argc > 3)
		child_len = atol(argv[3]) * MIB;
	if (!workers || child_len < 4 * MIB)
		errx(2, "WORKERS is from 1 on, MIB from 4 on");

	done = (void *)map(PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);
	for (i = 0; i < workers; i++)
		if (!xfork())
			worker(i, end, done);
	for (i = 0; i < workers; i++)
		reap(-1, 0);
	for (i = 0; i < NR_RACES; i++)
		printf("result race.%s %lu\n", races[i].name, done[i]);
	return 0;
}
