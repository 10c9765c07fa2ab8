// SPDX-License-Identifier: GPL-2.0
/*
 * hog - keep a CPU busy
 *
 *   hog CPU PRIORITY   with the scheduling policy SCHED_FIFO, until killed
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct sched_param param;
	cpu_set_t cpus;

	if (argc != 3)
		errx(2, "usage: hog CPU PRIORITY");
	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[1]), &cpus);
	param.sched_priority = atoi(argv[2]);
	/* Whatever it needs for itself, it has got on the CPU where it was started. */
	if (sched_setscheduler(0, SCHED_FIFO, &param) ||
	    sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "CPU %s, priority %s", argv[1], argv[2]);
	for (;;)
		__asm__ volatile("pause");
}
