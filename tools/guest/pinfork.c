// SPDX-License-Identifier: GPL-2.0
/*
 * usage: pinfork
 *
 * A process that has pinned pages for DMA forks. Afterwards they have to be
 * writable for the hypervisor at their virtual addresses, as those are that a
 * device model passes with IOCTL_PRIVCMD_DM_OP: it doesn't go through a page fault.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "mm.h"

/* Of the kernel's mm/gup_test.h and include/uapi/xen/privcmd.h */
struct pin_longterm_test {
	uint64_t addr, size;
	uint32_t flags;
};
#define PIN_LONGTERM_TEST_START	_IOW('g', 7, struct pin_longterm_test)
#define PIN_LONGTERM_TEST_STOP	_IO('g', 8)
#define PIN_LONGTERM_TEST_FLAG_USE_WRITE	1

struct privcmd_hypercall {
	uint64_t op, arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL	_IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))
#define HYPERVISOR_xen_version	17
#define XENVER_extraversion	1

/* One whole table, at least, and what others have beside it */
#define AREA_PAGES	(2 * 512 + 8)

static int privcmd;

/* Number of pages that Xen can't write to */
static unsigned int not_writable(char *area)
{
	unsigned int i, n = 0;

	for (i = 0; i < AREA_PAGES; i++) {
		struct privcmd_hypercall call = {
			.op = HYPERVISOR_xen_version,
			.arg = { XENVER_extraversion, (uintptr_t)area + i * PAGE },
		};

		n += ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call) < 0;
	}
	return n;
}

int main(void)
{
	struct pin_longterm_test pin = {
		.size = AREA_PAGES * PAGE,
		.flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};
	unsigned int before, after;
	int gup;
	char *area;
	pid_t pid;

	privcmd = open("/dev/xen/privcmd", O_RDWR);
	if (privcmd < 0)
		privcmd = open("/proc/xen/privcmd", O_RDWR);
	if (privcmd < 0)
		err(1, "privcmd");
	gup = open("/sys/kernel/debug/gup_test", O_RDWR);
	if (gup < 0)
		err(1, "gup_test");

	area = map(AREA_PAGES * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	fill(area, AREA_PAGES * PAGE, 1);

	pin.addr = (uintptr_t)area;
	if (ioctl(gup, PIN_LONGTERM_TEST_START, &pin) < 0)
		err(1, "PIN_LONGTERM_TEST_START");

	before = not_writable(area);
	pid = xfork();
	if (!pid)
		for (;;)
			pause();
	after = not_writable(area);

	kill(pid, SIGKILL);
	reap(pid, SIGKILL);
	if (ioctl(gup, PIN_LONGTERM_TEST_STOP) < 0)
		err(1, "PIN_LONGTERM_TEST_STOP");

	printf("pinned pages that Xen can't write to: %u before a fork, %u after\n",
	       before, after);
	return before || after;
}
