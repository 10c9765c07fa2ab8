# SPDX-License-Identifier: GPL-2.0

.PHONY: help demo demo-rt demo-uml measure check check-all soak package series export results clean

help:
	@echo 'make demo     mainline and patched kernels on a real Xen, side by side (XEN=4.20: on that)'
	@echo 'make demo-rt  a PREEMPT_RT kernel on Xen, natively, and mainline: latency'
	@echo 'make demo-uml a guest that is a process: exits that wait for the host, and others'
	@echo 'make measure  build/measure: one program that measures any machine (tools/measure)'
	@echo 'make package  a Debian package of Debian'\''s kernel with the series (packaging/: others)'
	@echo 'make check    the tests of every day; STAGE=... some of them'
	@echo 'make check-all  all tests, hours of them; goes on where it was'
	@echo 'make soak HOURS=n  tests with guests, again and again, on all kernels; counts what they survive'
	@echo 'make series   the series as commits of a git tree, build/linux-6.12'
	@echo 'make export   that tree back to patches/'
	@echo 'make results  the figures of the last demo to README.md and Documentation/'
	@echo 'make clean    remove what was built, but not the git tree'
	@echo
	@echo 'KERNEL=7.3: the same with the series for Linux 7.3, in build/7.3'

demo:
	@tools/demo

demo-rt:
	@tools/demo-rt

demo-uml:
	@tools/demo-uml

measure: build/measure

build/measure: tools/measure/measure.c
	@mkdir -p build
	gcc -O2 -Wall -Wextra -static -pthread -o $@ $<
	@echo 'copy build/measure to the machine, and run it there as root'

soak:
	@tools/soak $(HOURS)

package:
	@tools/package deb

check:
	@tools/check $(STAGE)

check-all:
	@tools/check -a $(STAGE)

series:
	@tools/setup
	@tools/series unpack

export:
	@tools/series export

results:
	@tools/report/publish

clean:
	for d in build build/7.3; do \
		(cd $$d 2>/dev/null && rm -rf kernel kunit package results results-rt results-uml check check-broken logs initramfs*.gz) || :; \
	done
