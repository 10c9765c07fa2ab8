# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For jobs in a dom0 with Xen's tools (tools/build/initramfs -x): source it as
# . /xl.sh

set -e
libs=$(find / -xdev -name '*.so.*' | sed 's,/[^/]*$,,' | sort -u | tr '\n' ':')
export LD_LIBRARY_PATH="$libs"

mount -t tmpfs tmpfs /run
mkdir -p /run/xen /run/xenstored /run/lock /var/lib/xen /var/lib/xenstored \
	/var/log/xen /etc/xen /save
ln -s /run /var/run
ln -s /run/lock /var/lock
mount -t tmpfs -o size=400m tmpfs /save
echo 'autoballoon="off"' > /etc/xen/xl.conf

xenstored
until xenstore-read -s / > /dev/null 2>&1; do usleep 100000; done
xen-init-dom0
xenconsoled --log=guest --log-dir=/var/log/xen

# said: what the console of the domU has said, also before it came here
said() { cat /var/log/xen/guest-domu*.log; }

# start JOB [ARGUMENT...]: a PV domU that runs it. Where this job fails, what the domU said
# may tell why.
start()
{
	job=$1
	shift
	cat > /tmp/domu.cfg <<-END
		name="domu"
		type="pv"
		kernel="/domu/bzImage"
		ramdisk="/domu/initramfs.gz"
		extra="console=hvc0 earlyprintk=xen norandmaps pvreap.job=$job pvreap.args=$(echo "$*" | tr ' ' ':')"
		memory=160
		vcpus=2
		on_reboot="destroy"
		on_crash="preserve"
	END
	trap '[ $? -eq 0 ] || said | sed "s/pvreap: job/domU: job/"' EXIT
	xl create /tmp/domu.cfg
	sleep 3
}

# save_and_restore: the domU
save_and_restore()
{
	xl save domu /save/domu > /dev/null
	xl restore /save/domu > /dev/null
	rm /save/domu
}

# stopped_clocks: Linux stops the clock of each CPU a bit before it stops the CPU, and one
# that leaves its idle loop in between warns of that; so does mainline (upstream.md). It may
# do so in a suspend, of a state that is CLOCK_EVT_STATE_SHUTDOWN, only.
stopped_clocks()
{
	said | awk '/Freezing remaining freezable tasks completed/ { suspend = 1 }
		/OOM killer enabled/ { suspend = 0 }
		/Current state: 1/ && suspend { n++ }
		/WARNING:.*clockevents_switch_state/ { if (!n--) exit 1 }'
}

# finish: wait for the end of the domU, and show what its console said
finish()
{
	while xl list domu > /dev/null 2>&1 && ! said | grep -q 'ended with status'; do
		sleep 1
	done
	said | sed 's/pvreap: job/domU: job/'
	stopped_clocks || { echo 'a clock was stopped, but not for a suspend'; exit 1; }
	said | grep -q "job $job ended with status 0"
}
