# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# In a Debian (tools/build/debian), what init is without: pvreap.service runs it when
# all else is up. It runs the job that the kernel command line names, and restarts the
# machine as users do. How the job ended is the very last that is said: a shutdown that
# hangs is seen.

DIR=/run/pvreap
export PATH=$DIR/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8

option() { sed -n "s/.*pvreap\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }
job=$(option job)
args=$(option args | tr ':' ' ')

echo "pvreap: job ${job:=shell} starts"
if [ "$job" = shell ]; then
	setsid -c sh < /dev/console
else
	# shellcheck disable=SC2086
	sh "$DIR/jobs/$job" $args
fi
status=$?
cat > /usr/lib/systemd/system-shutdown/pvreap <<-END
	#!/bin/sh
	echo "pvreap: job $job ended with status $status" > /dev/console
END
chmod 755 /usr/lib/systemd/system-shutdown/pvreap
systemctl reboot
