# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Shared by the jobs that measure: source it as  . /measure.sh
# One "result NAME VALUE" line for each figure; times in nanoseconds.

set -e
T=/sys/kernel/tracing

result()
{
	echo "result $1 $2"
	echo "$1 $2" >> /tmp/results
}

# value NAME: of a result so far
value() { awk -v name="$1" '$1 == name { print $2 }' /tmp/results; }

set_up()
{
	mkfifo /tmp/fifo
	echo 0 > $T/options/function-trace
	sleep 1
}

# Not before the reaper is done with what was here last
work() { sleep 1; mmwork -w 1000 "$@"; }

# traced NAME TRACER ARGUMENT...: mmwork under a latency tracer
traced()
{
	name=$1
	echo 0 > $T/tracing_on
	echo "$2" > $T/current_tracer
	echo 0 > $T/tracing_max_latency
	shift 2
	work -s $T/tracing_on "$@" > /dev/null
	result "$name" "$(cat $T/tracing_max_latency)000"
	result "$name.by" "$(sed -n 's/.*=> \(started\|ended\) at: *//p' $T/trace |
		tr '\n' ' ' | sed 's/ *$//; s/ /->/')"
	echo nop > $T/current_tracer
}

# wakeup NAME ARGUMENT...: mmwork beside cyclictest, which has 300 ms to begin
# before the exits or forks do, when the processes are there already
wakeup()
{
	name=$1
	shift
	work -g /tmp/fifo "$@" > /dev/null &
	work=$!
	: > /tmp/fifo
	cyclictest -q -N -m -p 95 -t 1 -i 1000 > /tmp/cyclictest &
	cyclic=$!
	usleep 300000
	: > /tmp/fifo
	wait $work
	kill -INT $cyclic
	wait $cyclic
	result "$name" "$(sed -n 's/.*Max: *//p' /tmp/cyclictest)"
}
