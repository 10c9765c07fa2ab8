/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by mmstress.c, mmrace.c, pinfork.c and forkread.c: children, and memory
 * whose contents tell whose it is.
 */
#ifndef MM_H
#define MM_H

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL
#define MIB	(1UL << 20)

static uint64_t seed;

static inline uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static inline char *map(size_t len, int flags, int fd)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		err(1, "mmap of %zu bytes", len);
	return p;
}

/* One word in each page says which page of whose it is. */
static inline void fill(char *p, size_t len, uint64_t mark)
{
	size_t i;

	for (i = 0; i < len; i += PAGE)
		*(volatile uint64_t *)(p + i) = mark + i;
}

static inline void check(const char *p, size_t len, uint64_t mark)
{
	size_t i;

	for (i = 0; i < len; i += PAGE)
		if (*(volatile const uint64_t *)(p + i) != mark + i)
			errx(1, "page %zu holds %#llx, not %#llx", i / PAGE,
			     *(const unsigned long long *)(p + i),
			     (unsigned long long)mark + i);
}

static inline pid_t xfork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (!pid)
		seed ^= (uint64_t)getpid() << 32;
	return pid;
}

/* Wait for a child that has to exit with 0, or to be killed by a signal. */
static inline void reap(pid_t pid, int sig)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			err(1, "waitpid");
	if (sig ? !WIFSIGNALED(status) || WTERMSIG(status) != sig :
		  !WIFEXITED(status) || WEXITSTATUS(status))
		errx(1, "child ended with status %#x", status);
}

#endif
