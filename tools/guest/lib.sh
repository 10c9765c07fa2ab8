# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Shared by the jobs: source it as  . /lib.sh
#
# A job has the form
#
#	a first round of its work, for what is set up once and stays
#	remember
#	the work
#	check_idle NAME
#
# and fails when one of its commands does. On a kernel without the reaper, what
# is about the list is left out.

set -e

STATS=/sys/kernel/debug/pt_reaper/stats
SYSCTL=/proc/sys/vm/pt_reaper
CGROUP=/sys/fs/cgroup
ZRAM=/sys/block/zram0

result() { echo "result $1 $2"; }
fails() { ! "$@"; }

# reaper: is there one? A kernel that was built with it has to have it.
reaper() { [ -n "$reaper" ]; }
backend=PT_REAPER_NATIVE_TEST
[ ! -d /proc/xen ] || backend=XEN_PV_PT_REAPER
reaper=$(zcat /proc/config.gz | grep "^CONFIG_$backend=y" || :)
! grep -q 'pt_reaper=off' /proc/cmdline || reaper=

# count NAME: from the statistics of the reaper
count() { awk -v name="$1" '$1 == name { print $2 }' $STATS; }

# since NAME: how much that has grown since the last mark
mark() { ! reaper || cp $STATS /tmp/stats; }
since() { awk -v name="$1" '$1 == name { n = $2 - n } END { print n }' /tmp/stats $STATS; }

vmstat() { awk -v name="$1" '$1 == name { print $2 }' /proc/vmstat; }

# expect WHAT NUMBER COMPARISON NUMBER: as test(1) compares them. Why a job has
# failed is the last that it says.
expect()
{
	test "$2" "$3" "$4" && return
	{
		! reaper || cat $STATS
		echo "$1: $2, not $3 $4"
	} >&2
	exit 1
}

# bound TABLES: set the bound. All that it ever was counts for the peak.
bound()
{
	[ "$1" -le "$largest_bound" ] || largest_bound=$1
	echo "$1" > ${SYSCTL}_max_tables
	expect 'tables above a new bound' "$(count queued)" -le "$1"
}

# confine MASK: everybody who isn't bound to one CPU, to those CPUs
confine()
{
	mask=$(printf '%x' "$1")
	for t in /proc/[0-9]*/task/[0-9]*; do
		taskset -p "$mask" "${t##*/}" > /dev/null 2>&1 || :
	done
	echo "$mask" > /sys/devices/virtual/workqueue/cpumask
}

# starve: the last CPU is the only one for the reaper, but busy with something
# of a higher priority; what the scheduler keeps for others, it does not get.
# Nobody else may run there: who is woken up on such a CPU is left waiting, as the
# only one of its class, for ever. Nor may pages be in its caches: who wants
# these to be emptied would wait for it as long.
starve()
{
	last=$(($(nproc) - 1))
	# Once: afterwards, the scheduler takes both for overcommitted.
	if [ "$(cat /proc/sys/kernel/sched_rt_runtime_us)" != -1 ]; then
		echo -1 > /proc/sys/kernel/sched_rt_runtime_us
		echo 0 > /sys/kernel/debug/sched/fair_server/cpu"$last"/runtime
	fi
	confine $(((1 << last) - 1))
	echo 1 > /proc/sys/vm/drop_caches
	hog $last 50 &
	hog=$!
	! reaper || taskset -p "$(printf '%x' $((1 << last)))" "$(pidof pt_reaper)" > /dev/null
}

feed()
{
	kill "$hog"
	wait "$hog" || :
	confine $(((2 << last) - 1))
}

# cyclic: a SCHED_FIFO task with a 1 ms timer; end_cyclic says how late it was woken up
# at most, ns. (Its parent waits for it: not in a subshell)
cyclic()
{
	cyclictest -q -N -m -p 95 -t 1 -i 1000 > /tmp/cyclictest 2> /dev/null &
	cyclic=$!
	usleep 300000
}
end_cyclic()
{
	kill -INT "$cyclic"
	wait "$cyclic"
	sed -n 's/.*Max: *//p' /tmp/cyclictest
}

# group NAME LIMIT [max|high]: a memory cgroup, of so many MiB
group()
{
	if [ ! -e $CGROUP/cgroup.procs ]; then
		mount -t cgroup2 cgroup2 $CGROUP
		echo +memory > $CGROUP/cgroup.subtree_control
	fi
	mkdir "$CGROUP/$1"
	echo "$2M" > "$CGROUP/$1/memory.${3:-max}"
}

# in_group NAME COMMAND...
in_group()
(
	echo 0 > "$CGROUP/$1/cgroup.procs"
	shift
	exec "$@"
)

# swap_on MIB
swap_on()
{
	echo "$1M" > $ZRAM/disksize
	mkswap /dev/zram0 > /dev/null
	swapon /dev/zram0
}

# swap_off: would never end if somebody who is gone had left something there
swap_off()
{
	timeout 100 swapoff /dev/zram0
	echo 1 > $ZRAM/reset
}

# settle: wait for the list to be empty, which it is soon in an idle guest
settle()
{
	reaper || return 0
	i=0
	while [ "$(count queued)" -gt 0 ]; do
		expect 'tenths of a second with tables on the list' $i -lt 100
		usleep 100000
		i=$((i + 1))
	done
}

# memory FILE: /proc/meminfo, and as its first line the kB that are free, those
# on the per-CPU lists of the page allocator included, or that could be, without
# what a balloon has brought (below 0, as only changes of it matter); after
# what is cached has been dropped (KASAN keeps what was freed until then)
memory()
{
	settle
	sync
	[ ! -e /proc/sys/vm/drop_caches ] || echo 3 > /proc/sys/vm/drop_caches
	for f in /sys/kernel/slab/*/shrink; do
		[ ! -e "$f" ] || echo 1 > "$f"
	done
	sleep 2
	# What each CPU has counted, to the sums (more than one CPU only)
	[ ! -e /proc/sys/vm/stat_refresh ] || cat /proc/sys/vm/stat_refresh
	balloon=/sys/devices/system/xen_memory/xen_memory0/info/current_kb
	[ -e $balloon ] || balloon=/dev/null
	awk '/^(MemFree|SReclaimable):/ { n += $2 }
	     $1 == "count:" { n += 4 * $2 }
	     FILENAME ~ /current_kb$/ { n -= $1 }
	     END { print "Free:", n, "kB" }' /proc/meminfo /proc/zoneinfo $balloon > "$1"
	cat /proc/meminfo >> "$1"
}

# changed FIELD: of /proc/meminfo, in kB, from /tmp/before to /tmp/after
changed() { awk -v name="$1:" '$1 == name { n = $2 - n } END { print n }' /tmp/before /tmp/after; }

remember()
{
	memory /tmp/before
	mark
}

# gone NAME FIELD CHANGE LIMIT: less than LIMIT kB
gone()
{
	result "$1.$2" "$3"
	[ "$3" -lt "$4" ] && return
	{
		echo '/proc/meminfo before and after:'
		paste /tmp/before /tmp/after
		ps
		[ ! -e /proc/slabinfo ] || cat /proc/slabinfo
		echo "$2 has changed by $3 kB"
	} >&2
	exit 1
}

# kB of page tables that a job leaves on purpose
kept=0

# changes: what must be less than how much, in kB, from /tmp/before to /tmp/after
changes()
{
	echo Free $((-$(changed Free))) 4096
	echo PageTables $(($(changed PageTables) - kept)) 128
	# Entries that were accounted twice, or not at all. Reclaim may have unmapped
	# busybox.
	for field in AnonPages Mapped Mlocked Shmem; do
		n=$(changed $field)
		echo $field "${n#-}" 2048
	done
}

# check_idle NAME: the list is empty and was never longer than its bound; memory
# is back. The slack is for slabs, and for what idle CPUs and kernel threads still
# have of the last processes; what the jobs use is hundreds of times that.
check_idle()
{
	# What comes back by a worker or after a grace period takes a while where others
	# have the CPUs of the emulator. What is lost doesn't come back.
	for _ in 1 2 3 4; do
		memory /tmp/after
		changes > /tmp/changes
		awk '$2 >= $3 { exit 1 }' /tmp/changes && break
		sleep 4
	done
	while read -r field n limit; do
		gone "$1" "$field" "$n" "$limit"
	done < /tmp/changes
	reaper || return 0
	for name in peak handed_over drained flushed; do
		result "$1.$name" "$(count $name)"
	done
	expect 'peak above the bound' "$(count peak)" -le "$largest_bound"
	expect 'pages that are held' "$(count pages)" -eq 0
	expect 'tables that were not drained' \
		$(($(count handed_over) - $(count drained))) -eq 0
	expect 'pages that are reclaimable' "$(vmstat nr_kernel_misc_reclaimable)" -eq 0
	grep -q '^ptreap_' /proc/vmstat || return 0
	sed '1,/^pages /d' $STATS | while read -r name n; do
		expect "ptreap_$name in vmstat" "$(vmstat "ptreap_$name")" -eq "$n"
	done
}

! reaper || largest_bound=$(cat ${SYSCTL}_max_tables)
