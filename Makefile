# SPDX-License-Identifier: GPL-2.0

.PHONY: help demo demo-rt check series export results clean

help:
	@echo 'make demo     mainline and patched kernels on a real Xen, side by side'
	@echo 'make demo-rt  a PREEMPT_RT kernel on Xen, natively, and mainline: latency'
	@echo 'make check    all tests'
	@echo 'make series   the series as commits of a git tree, build/linux-6.12'
	@echo 'make export   that tree back to patches/'
	@echo 'make results  the figures of the last demo to README.md and Documentation/'
	@echo 'make clean    remove what was built, but not the git tree'

demo:
	@tools/demo

demo-rt:
	@tools/demo-rt

check:
	@tools/check

series:
	@tools/setup
	@tools/series unpack

export:
	@tools/series export

results:
	@tools/publish

clean:
	rm -rf build/kernel build/kunit build/results build/results-rt build/check build/check-rt build/logs build/initramfs.gz
