// SPDX-License-Identifier: GPL-2.0
/*
 * mmdrop - threads that give the same memory back, again and again
 *
 *   mmdrop ROUNDS
 *
 * Two threads write to the same 2 MiB and give it back at once, ROUNDS times each. The
 * kernel may take the page table away each time, but nobody may take it twice.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "mm.h"

#define TABLE_LEN	(2 * MIB)

static unsigned long rounds;

static void *give_back(void *p)
{
	unsigned long i, j;

	for (i = 0; i < rounds; i++) {
		for (j = 0; j < 4; j++)
			*(volatile char *)((char *)p + j * TABLE_LEN / 4) = 1;
		if (madvise(p, TABLE_LEN, MADV_DONTNEED))
			err(1, "madvise");
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char *p;

	if (argc != 2 || !(rounds = strtoul(argv[1], NULL, 10)))
		errx(2, "usage: mmdrop ROUNDS");
	p = map(2 * TABLE_LEN, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	p += -(uintptr_t)p % TABLE_LEN;
	if (pthread_create(&thread, NULL, give_back, p))
		errx(1, "pthread_create");
	give_back(p);
	pthread_join(thread, NULL);
	return 0;
}
