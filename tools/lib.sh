# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Shared by the scripts of tools/ and its rooms: source it as
# . "$(dirname "$0")/lib.sh", or .../../lib.sh in a room.
#
# It sets TOP (the repository), SERIES (the kernel version the series is for), BUILD
# (everything that is made or fetched for it) and XEN (that of the hypervisor), and
# makes git, the compiler and the locale independent of the user's own settings.

# The paths below are for the scripts that source this file.
# shellcheck disable=SC2034
PROG=${0##*/}
TOP=$(cd "$(dirname "$0")" && until [ -f tools/lib.sh ]; do cd ..; done && pwd)
BUILD=${PVREAP_BUILD:-$TOP/build}
SERIES=${KERNEL:-6.12}
ALL_SERIES='6.12 7.3'
PATCHES=${PVREAP_PATCHES:-$TOP/patches/linux-$SERIES}
# The scripts change directory.
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
case $PATCHES in /*) ;; *) PATCHES=$PWD/$PATCHES ;; esac
export XEN="${XEN:-4.17}"
XEN_DIR=$BUILD/xen-$XEN
# 6.12 leads. What is made for another kernel has the same names in a directory of
# its own.
[ "$SERIES" = 6.12 ] || BUILD=$BUILD/$SERIES
TREE=$BUILD/linux-$SERIES
LOGS=$BUILD/logs
# tools/setup installs the package of the one and fetches the other.
case $SERIES in
6.12) SOURCE=/usr/src ;;
*) SOURCE=$BUILD ;;
esac
SOURCE=${PVREAP_SOURCE:-$SOURCE/linux-source-$SERIES.tar.xz}

export LC_ALL=C
# Set when git itself runs us, from a hook: they would name the wrong repository.
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX GIT_OBJECT_DIRECTORY
# The compiler cache is where the user has his, and no path of this clone counts:
# another one finds what was compiled here. The preprocessor's output isn't needed.
export CCACHE_BASEDIR="${CCACHE_BASEDIR:-$BUILD}" CCACHE_DEPEND=1

say() { printf '%s\n' "$*" >&2; }

# die MESSAGE [ADVICE]: what is wrong, and what to do about it.
die()
{
	say "$PROG: $1"
	[ $# -lt 2 ] || say "$PROG: $2"
	exit 1
}

# need COMMAND PACKAGE ...: refuse early when a tool is missing.
need()
{
	while [ $# -ge 2 ]; do
		command -v "$1" >/dev/null 2>&1 ||
			die "$1 is not installed" \
			    "run tools/setup, or: apt-get install $2"
		shift 2
	done
}

# has_series VERSION: are there patches for that kernel?
has_series()
{
	case " $ALL_SERIES " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

has_series "$SERIES" || die "there are no patches for Linux '$SERIES' here" \
	"those there are: $(echo "KERNEL=$ALL_SERIES" | sed 's/ /, KERNEL=/g')"
case $XEN in
4.17|4.20) ;;
*) die "there is no Xen '$XEN' here" 'those there are: XEN=4.17, XEN=4.20' ;;
esac

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		need sudo sudo
		sudo "$@"
	fi
}

# step NAME COMMAND...: run a long step with its output in a log. Shows what
# runs and how long it took; on failure shows the end of the log and its place.
step()
{
	step_name=$1
	shift
	step_log=$LOGS/$(printf '%s' "$step_name" | tr -c 'A-Za-z0-9.\n' '-').log
	mkdir -p "$LOGS"
	printf '  %-58s ' "$step_name" >&2
	step_t0=$(date +%s)
	step_rc=0
	"$@" >"$step_log" 2>&1 </dev/null || step_rc=$?
	step_s=$(($(date +%s) - step_t0))
	if [ $step_rc -eq 0 ]; then
		printf '%4d s\n' $step_s >&2
		return 0
	fi
	printf '%4d s FAILED\n' $step_s >&2
	tail -n 25 "$step_log" | sed 's/^/    | /' >&2
	say "    whole log: $step_log"
	return $step_rc
}

# The names are words.
# shellcheck disable=SC2086
apt_install()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update || return 1
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -q -y --no-install-recommends install $1
}

# install_missing PACKAGES: those of the list that this Debian doesn't have yet
install_missing()
{
	missing=
	for p in $1; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			missing="$missing $p"
	done
	[ -z "$missing" ] || step 'install packages' apt_install "$missing" ||
		die 'apt-get could not install what is missing' "missing:$missing"
}

# git without the user's or the system's configuration, as the series' author.
pgit()
{
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null \
	GIT_COMMITTER_NAME='pvreap developers' \
	GIT_COMMITTER_EMAIL=pvreap@localhost \
	git -c core.abbrev=12 -c gc.auto=0 -c advice.detachedHead=false \
	    -c init.defaultBranch=main "$@"
}

# kernel_version TREE: "6.12.117" from the tree's Makefile, nothing if it is none.
kernel_version()
{
	[ -f "$1/Makefile" ] && [ -f "$1/Kbuild" ] || return 0
	sed -n -e 's/^VERSION = //p' -e 's/^PATCHLEVEL = //p' \
	       -e 's/^SUBLEVEL = //p' "$1/Makefile" | head -n 3 |
		tr '\n' '.' | sed 's/\.$//'
}

# usage: the comment at the head of the script, without the licence. Every
# script prints it for -h; for a wrong call it goes to stderr, with status 2.
usage()
{
	sed -n -e '1,/^#$/d' -e '/^#/!q' -e 's/^# \{0,1\}//p' "$0"
}
case $#:${1-} in
1:-h|1:--help) usage; exit 0 ;;
esac

# series_list DIRECTORY: its patches, in order, from quilt's series file.
series_list()
{
	[ ! -f "$1/series" ] ||
		sed -e 's/#.*//' -e 's/^[[:space:]]*//' -e 's/[[:space:]].*//' \
		    -e '/^$/d' "$1/series"
}

# subjects DIRECTORY: "SUBJECT<tab>FILE" lines
subjects()
{
	series_list "$1" | while read -r p; do
		awk -v file="$1/$p" '
			/^Subject: / { s = $0; sub(/^Subject: \[PATCH\] /, "", s); next }
			s && /^ / { s = s $0; next }
			s { print s "\t" file; exit }' "$1/$p"
	done
}

# topic_names FILE: of a series' topics
topic_names() { sed -n 's/^= *\([^ ]*\).*/\1/p' "$1"; }

# git_busy TREE: what git has begun there and not finished, nothing if nothing.
git_busy()
{
	busy_dir=$(git -C "$1" rev-parse --absolute-git-dir) || return
	for busy in rebase-merge:rebase rebase-apply:rebase-or-am \
		    MERGE_HEAD:merge CHERRY_PICK_HEAD:cherry-pick \
		    REVERT_HEAD:revert BISECT_LOG:bisect; do
		if [ -e "$busy_dir/${busy%:*}" ]; then
			echo "${busy#*:}"
			return
		fi
	done
}

# Test scripts print TAP, the format of the kernel's own tests.
# tap STATUS NAME: one result. tap_end LOG: exit, after a failure with the log.
tap_failed=0
tap()
{
	if [ "$1" -eq 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		tap_failed=1
	fi
}

tap_end()
{
	[ $tap_failed -eq 0 ] && exit 0
	tail -n 25 "$1" | sed 's/^/    | /' >&2
	say "    whole log: $1"
	exit 1
}
