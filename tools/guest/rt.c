// SPDX-License-Identifier: GPL-2.0
/*
 * rt - real-time priorities, for the jobs
 *
 *   rt run PRIO COMMAND...   run COMMAND as SCHED_FIFO
 *   rt set PRIO PID          make the thread PID SCHED_FIFO; 0: SCHED_OTHER again
 *   rt spin PRIO CPU MS      as SCHED_FIFO, keep the CPU busy without ever
 *                            sleeping; MS are those of CLOCK_MONOTONIC
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void set(pid_t pid, int prio)
{
	struct sched_param param = { .sched_priority = prio };

	if (sched_setscheduler(pid, prio ? SCHED_FIFO : SCHED_OTHER, &param))
		err(1, "priority %d", prio);
}

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void spin(int prio, int cpu, long ms)
{
	long long end;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		err(1, "CPU %d", cpu);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		err(1, "mlockall");
	set(0, prio);
	end = now_ms() + ms;
	while (now_ms() < end)
		;
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "run")) {
		set(0, atoi(argv[2]));
		execvp(argv[3], argv + 3);
		err(1, "%s", argv[3]);
	}
	if (argc == 4 && !strcmp(argv[1], "set"))
		set(atoi(argv[3]), atoi(argv[2]));
	else if (argc == 5 && !strcmp(argv[1], "spin"))
		spin(atoi(argv[2]), atoi(argv[3]), atol(argv[4]));
	else
		errx(2, "see the head of rt.c");
	return 0;
}
