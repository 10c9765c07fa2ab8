// SPDX-License-Identifier: GPL-2.0
/*
 * forkread - what a fork costs a thread that reads
 *
 *   forkread MIB FORKS
 *
 * A process of MIB MiB forks FORKS times on CPU 0, while another thread of it reads
 * from all its pages in turn, on CPU 1. Prints "gap NANOSECONDS fork NANOSECONDS
 * pages COUNT": the longest time between two of its looks at the clock, eight pages
 * apart, the mean time of a fork, and the pages that it has read in all of them.
 *
 * Whoever writes to memory that is being forked has to wait for the fork. So what the
 * reader writes to is shared memory, its stack included.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "mm.h"

#define STACK	(1 * MIB)

static struct {
	/* 1: the reader is there; 2: in a fork; 3: between forks; 4: it's over */
	atomic_int phase;
	uint64_t gap, pages;
} *shared;
static char *area;
static size_t len;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void run_on(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "CPU %d", cpu);
}

static void *reader(void *unused)
{
	uint64_t last, t;
	size_t i = 0;

	run_on(1);
	shared->phase = 1;
	while (shared->phase < 2)
		__asm__ volatile("pause");
	for (last = now(); shared->phase < 4; last = t) {
		int n, began = shared->phase;

		for (n = 0; n < 8; n++, i = (i + PAGE) % len)
			(void)*(volatile char *)(area + i);
		t = now();
		if (began != 2)
			continue;
		shared->pages += n;
		if (t - last > shared->gap)
			shared->gap = t - last;
	}
	return unused;
}

int main(int argc, char **argv)
{
	uint64_t start, in_fork = 0;
	pthread_attr_t attr;
	pthread_t thread;
	int i, forks;

	if (argc != 3)
		errx(2, "usage: forkread MIB FORKS");
	len = atoi(argv[1]) * MIB;
	forks = atoi(argv[2]);
	run_on(0);
	area = map(len, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	shared = (void *)map(sizeof(*shared), MAP_SHARED | MAP_ANONYMOUS, -1);
	if (pthread_attr_init(&attr) ||
	    pthread_attr_setstack(&attr, map(STACK, MAP_SHARED | MAP_ANONYMOUS, -1), STACK) ||
	    pthread_create(&thread, &attr, reader, NULL))
		errx(1, "no thread");
	while (shared->phase < 1)
		__asm__ volatile("pause");
	for (i = 0; i < forks; i++) {
		pid_t pid;

		fill(area, len, 0);
		start = now();
		shared->phase = 2;
		pid = fork();
		if (!pid)
			_exit(0);
		if (pid < 0)
			err(1, "fork");
		shared->phase = 3;
		in_fork += now() - start;
		if (waitpid(pid, NULL, 0) != pid)
			err(1, "waitpid");
	}
	shared->phase = 4;
	pthread_join(thread, NULL);
	printf("gap %llu fork %llu pages %llu\n", (unsigned long long)shared->gap,
	       (unsigned long long)in_fork / forks, (unsigned long long)shared->pages);
	return 0;
}
