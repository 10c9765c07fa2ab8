// SPDX-License-Identifier: GPL-2.0
/*
 * usage: foreign ROUNDS [DOMAIN FRAME COUNT]
 *
 * Processes map memory of others right beside their own, in one 2 MiB range: pages
 * that are granted, as backends do (gntalloc, gntdev), and frames by privcmd, as
 * toolstacks do: some of Xen's own (its table of machine frames), or those of COUNT
 * from FRAME on that are DOMAIN's. Then they fork, execute, exit, are killed, dump
 * core, or unmap it. All have to find in their own memory what is theirs.
 *
 * With DOMAIN, the last one says "mapped" and keeps what it has mapped until its
 * standard input ends.
 *
 * Prints "foreign ROUNDS FRAMES", the frames that each has mapped by privcmd.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "mm.h"

/* Of the kernel's include/uapi/xen/, and what it passes on to Xen */
struct alloc_gref {
	uint16_t domain, flags;
	uint32_t count;
	uint64_t index;
	uint32_t refs[4];
};
/* Their sizes are those with one reference. */
#define IOCTL_GNTALLOC_ALLOC_GREF	_IOC(_IOC_NONE, 'G', 5, 24)
#define GNTALLOC_FLAG_WRITABLE		1

struct map_grant_ref {
	uint32_t count, pad;
	uint64_t index;
	struct {
		uint32_t domain, ref;
	} refs[4];
};
#define IOCTL_GNTDEV_MAP_GRANT_REF	_IOC(_IOC_NONE, 'G', 0, 24)

struct privcmd_hypercall {
	uint64_t op, arg[5];
};
#define IOCTL_PRIVCMD_HYPERCALL	_IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_hypercall))
#define HYPERVISOR_memory_op		12
#define XENMEM_machphys_mfn_list	5
struct machphys_mfn_list {
	uint32_t max_extents;
	uint64_t *extent_start;
	uint32_t nr_extents;
};

struct mmapbatch_v2 {
	uint32_t num;
	uint16_t domain;
	uint64_t addr;
	const uint64_t *frames;
	int *err;
};
#define IOCTL_PRIVCMD_MMAPBATCH_V2	_IOC(_IOC_NONE, 'P', 4, sizeof(struct mmapbatch_v2))

#define DOMID_XEN	0x7ff2
#define DOM0		0

#define GRANTS		4
#define MAX_FRAMES	64
#define LEAF_SPAN	(2 * MIB)
/* What others have begins in the middle of the first of two tables. */
#define AREA		(2 * LEAF_SPAN)
#define FOREIGN		MIB
#define FOREIGN_LEN	((GRANTS + MAX_FRAMES) * PAGE)

static unsigned int domain = DOMID_XEN, frames = 16;
static uint64_t first_frame;
static int privcmd;

static int xopen(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

/* Where Xen has the first part of its table of machine frames */
static uint64_t frame_of_xen(void)
{
	static uint64_t extent;
	static struct machphys_mfn_list list = { 1, &extent, 0 };
	struct privcmd_hypercall call = {
		.op = HYPERVISOR_memory_op,
		.arg = { XENMEM_machphys_mfn_list, (uintptr_t)&list },
	};

	if (ioctl(privcmd, IOCTL_PRIVCMD_HYPERCALL, &call) < 0 || list.nr_extents != 1)
		err(1, "XENMEM_machphys_mfn_list");
	return extent;
}

/* Pages of this domain that it grants to itself, at @p; as they are elsewhere, too */
static uint64_t *map_grants(char *p)
{
	struct alloc_gref alloc = {
		.domain = DOM0, .flags = GNTALLOC_FLAG_WRITABLE, .count = GRANTS,
	};
	struct map_grant_ref grant = { .count = GRANTS };
	int gntalloc = xopen("/dev/xen/gntalloc"), gntdev = xopen("/dev/xen/gntdev");
	uint64_t *own;
	int i;

	if (ioctl(gntalloc, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0)
		err(1, "IOCTL_GNTALLOC_ALLOC_GREF");
	own = mmap(NULL, GRANTS * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, gntalloc, alloc.index);
	if (own == MAP_FAILED)
		err(1, "mmap of gntalloc");

	for (i = 0; i < GRANTS; i++)
		grant.refs[i].ref = alloc.refs[i];
	if (ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &grant) < 0)
		err(1, "IOCTL_GNTDEV_MAP_GRANT_REF");
	if (mmap(p, GRANTS * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, gntdev,
		 grant.index) == MAP_FAILED)
		err(1, "mmap of gntdev");
	return own;
}

/* Frames of others at @p; returns how many */
static unsigned int map_frames(char *p)
{
	uint64_t frame[MAX_FRAMES];
	int error[MAX_FRAMES];
	struct mmapbatch_v2 batch = {
		.num = frames, .domain = domain, .addr = (uintptr_t)p, .frames = frame, .err = error,
	};
	unsigned int i, n = 0;

	for (i = 0; i < frames; i++)
		frame[i] = first_frame + i;
	if (mmap(p, frames * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, privcmd, 0) == MAP_FAILED)
		err(1, "mmap of privcmd");
	/* Frames that aren't the domain's fail, one by one. */
	if (ioctl(privcmd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) < 0 && errno != ENOENT)
		err(1, "IOCTL_PRIVCMD_MMAPBATCH_V2");
	for (i = 0; i < frames; i++) {
		if (error[i])
			continue;
		(void)*(volatile char *)(p + i * PAGE);
		n++;
	}
	if (!n)
		errx(1, "no frame of domain %u among %u from %#llx on", domain, frames,
		     (unsigned long long)first_frame);
	return n;
}

static void fill_own(char *area, uint64_t mark)
{
	fill(area, FOREIGN, mark);
	fill(area + FOREIGN + FOREIGN_LEN, AREA - FOREIGN - FOREIGN_LEN, mark + MIB);
}

static void check_own(const char *area, uint64_t mark)
{
	check(area, FOREIGN, mark);
	check(area + FOREIGN + FOREIGN_LEN, AREA - FOREIGN - FOREIGN_LEN, mark + MIB);
}

static char *aligned(void)
{
	char *p = map(AREA + LEAF_SPAN, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	return (char *)(((uintptr_t)p + LEAF_SPAN - 1) & ~(LEAF_SPAN - 1));
}

static void __attribute__((noreturn)) execute(void)
{
	static char *const argv[] = { "true", NULL }, *const envp[] = { NULL };

	execve("/bin/true-static", argv, envp);
	_exit(1);
}

#define LIVES 7

/* What a process does when it has mapped all that; returns the signal it dies of */
static int life(unsigned int round)
{
	return round % LIVES == 3 ? SIGKILL : round % LIVES == 4 ? SIGABRT : 0;
}

static void live(unsigned int round, char *area, uint64_t *own, int ready)
{
	const uint64_t mark = ((uint64_t)round + 1) << 32;
	char byte = 0;
	pid_t pid;

	fill_own(area, mark);
	own[0] = mark;
	if (*(volatile uint64_t *)(area + FOREIGN) != mark)
		errx(1, "what is granted is another page than what is mapped");

	switch (round % LIVES) {
	case 0:
		/* What is of others is not copied; it has its own beside the hole. */
		pid = xfork();
		if (!pid) {
			check_own(area, mark);
			fill_own(area, mark + 1);
			check_own(area, mark + 1);
			_exit(0);
		}
		fill_own(area, mark + 2);
		reap(pid, 0);
		check_own(area, mark + 2);
		_exit(0);
	case 1:
		execute();
	case 2:
		_exit(0);
	case 3:
		if (write(ready, &byte, 1) != 1)
			err(1, "write");
		for (;;)
			pause();
	case 4:
		abort();
	case 5:
		if (munmap(area + FOREIGN, FOREIGN_LEN))
			err(1, "munmap");
		check_own(area, mark);
		_exit(0);
	case 6:
		pid = vfork();
		if (!pid)
			execute();
		reap(pid, 0);
		check_own(area, mark);
		_exit(0);
	}
}

static void one_round(unsigned int round)
{
	int sig = life(round), ready[2];
	struct stat core;
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		err(1, "pipe2");
	pid = xfork();
	if (!pid) {
		char *area = aligned();
		uint64_t *own = map_grants(area + FOREIGN);

		map_frames(area + FOREIGN + GRANTS * PAGE);
		live(round, area, own, ready[1]);
	}
	if (sig == SIGKILL) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			errx(1, "it has not come so far");
		kill(pid, SIGKILL);
	} else {
		close(ready[1]);
	}
	close(ready[0]);
	reap(pid, sig);
	/* Not every kernel writes one. */
	if (sig == SIGABRT && !access("/proc/sys/kernel/core_pattern", F_OK)) {
		if (stat("/tmp/core", &core) || core.st_size < (off_t)(AREA + LEAF_SPAN - FOREIGN_LEN))
			errx(1, "no core of it");
		unlink("/tmp/core");
	}
}

static unsigned long number(const char *s, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(s, &end, 0);

	if (*end || end == s || n > max)
		errx(2, "'%s' is no number up to %lu", s, max);
	return n;
}

int main(int argc, char **argv)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	unsigned int rounds, n, i;
	char *area, byte;

	if (argc != 2 && argc != 5)
		errx(2, "see the head of foreign.c");
	rounds = number(argv[1], 1000000);
	privcmd = xopen("/dev/xen/privcmd");
	if (argc == 5) {
		domain = number(argv[2], DOMID_XEN);
		first_frame = number(argv[3], 1UL << 40);
		frames = number(argv[4], MAX_FRAMES);
	} else {
		first_frame = frame_of_xen();
	}
	setrlimit(RLIMIT_CORE, &unlimited);

	for (i = 0; i < rounds; i++)
		one_round(i);

	area = aligned();
	fill(area, AREA, 1);
	n = map_frames(area + FOREIGN);
	printf("foreign %u %u\n", rounds, n);
	if (argc == 5) {
		puts("mapped");
		fflush(stdout);
		while (read(0, &byte, 1) > 0)
			;
	}
	check(area, FOREIGN, 1);
	return 0;
}
