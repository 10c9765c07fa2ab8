# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What tools/check and tools/test/... know of the lists of tests and rules; to be
# sourced after tools/lib.sh.

# They are for the scripts that source this file.
# shellcheck disable=SC2034
LIST=${PVREAP_LIST:-$TOP/tools/test/list}
RULES=$TOP/tools/test/rules
BROKEN=$TOP/tools/test/broken
CHECK=${PVREAP_CHECK:-$BUILD/check}
# What is tested: tools/test/break sets another one.
REVISION=${PVREAP_REVISION:-pvreap}

# table FILE: its lines without comments, columns separated by tabs
table() { sed -e '/^#/d' -e '/^$/d' -e 's/ | /\t/g' "$1"; }

# tests [TIER]: "STAGE NAME" of each test, in order; check: without the tier all.
# Some are about the repository, not about the series for a kernel.
tests()
{
	table "$LIST" | awk -F '\t' -v tier="${1-}" -v series="$SERIES" '
		/^\[/ { stage = substr($0, 2, length($0) - 2); next }
		stage ~ (series == "6.12" ? "^port$" : "^(repository|life|7[.]3|broken)$") { next }
		tier != "check" || $2 == "check" { print stage, $1 }'
}

# column NAME N: of the line of a test
column() { table "$LIST" | awk -F '\t' -v name="$1" -v n="$2" '$1 == name { print $n }'; }

# kind KERNEL: what boots: its revision and configuration, and options of tools/boot;
# nothing for -
kind()
{
	tests_ramfs="-i $BUILD/initramfs-tests.gz"
	# A lock that dies with its holder would keep a guest busy until its time is up.
	[ "$REVISION" != broken ] || tests_ramfs="$tests_ramfs -a oops=panic"
	case $1 in
	-) ;;
	mainline) echo base base ;;
	plain) echo "$REVISION" base+reaper ;;
	pcp0) echo "$REVISION" base+reaper+pcp0 ;;
	# In parallel, and with pages that are poisoned when they are freed
	debug) echo "$REVISION" base+jobs+debug+reaper+native+kunit -R "$tests_ramfs" -a page_poison=1 ;;
	native) echo "$(kind debug)" -n ;;
	kasan) echo "$REVISION" base+jobs+debug+reaper+native+kunit+kasan -n -R "$tests_ramfs" ;;
	kmemleak) echo "$REVISION" base+jobs+debug+reaper+kmemleak -R "$tests_ramfs" ;;
	kcsan) echo "$REVISION" base+jobs+reaper+native+kcsan -n -R "$tests_ramfs" ;;
	up) echo "$REVISION" base+reaper+up ;;
	uml) echo "$REVISION" uml -u ;;
	rt) echo "$REVISION" base+reaper+rt ;;
	rtdebug) echo "$REVISION" base+reaper+rt+rtdebug ;;
	*) die "there is no kind of kernel '$1'" "see kind() in tools/test/lib.sh" ;;
	esac
}

# guests_need NAME...: make the images that these tests boot. Those of a dom0 have a
# kernel for its guests in them: that of what is tested.
guests_need()
{
	needed=$(for name; do kind "$(column "$name" 3)"; column "$name" 6; done) || return
	"$TOP/tools/build/initramfs" > /dev/null || return
	case $needed in
	*initramfs-tests*) "$TOP/tools/build/initramfs" -t > /dev/null ;;
	esac || return
	case $needed in
	*'-i xl '*) "$TOP/tools/build/initramfs" -x \
		"$("$TOP/tools/kernel" "$REVISION" base+reaper)" > /dev/null ;;
	esac || return
	case $needed in
	*'-i xl-rt '*) "$TOP/tools/build/initramfs" -x \
		"$("$TOP/tools/kernel" "$REVISION" base+reaper+rt)" xl-rt > /dev/null ;;
	esac
}
