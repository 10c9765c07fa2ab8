# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the files of tests share. "run" starts it for each of them:
# shared.sh DIRECTORY PATTERN FILE

# The files use what is set here, and their functions are called by name.
# shellcheck disable=SC2034,SC2317
# shellcheck source=tools/lib.sh
. ../../lib.sh

tmp=$1 pattern=$2 file=$3
# A space in all the paths: nothing may mind it.
own=$(mktemp -d "$tmp/a b.XXXXXX") || exit 1
# All that a test may change, and in it what it needs for itself.
T=$own/test
W=$T/work
export PVREAP_BUILD="$T/build" PVREAP_PATCHES="$T/patches" PVREAP_SOURCE="$T/source.tar.xz"
K=$PVREAP_BUILD/linux-6.12
P=$PVREAP_PATCHES
# A user's trees, a git tree and a plain one. The colon is for
# GIT_CEILING_DIRECTORIES and the like.
G=$T/my:git
D=$T/my:plain
for room in report qemu build .; do
	PATH=$TOP/tools/$room:$PATH
done

# A user whose settings are made to be in the way.
export HOME="$own/home" XDG_CONFIG_HOME="$own/home" GIT_CONFIG_NOSYSTEM=1
unset GIT_CONFIG_GLOBAL EMAIL GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_AUTHOR_DATE \
	GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_COMMITTER_DATE \
	KERNEL PVREAP_REVISION PVREAP_LIST PVREAP_CHECK
mkdir "$HOME"
cat >"$HOME/.gitconfig" <<EOF
[user] name = A User
[user] email = user@example.org
[format] signOff = true
[format] numbered = true
[format] signature = mine
[format] subjectPrefix = RFC
[format] coverLetter = true
[format] from = true
[diff] noprefix = true
[diff] context = 1
[diff] algorithm = patience
[diff] mnemonicPrefix = true
[apply] whitespace = fix
[apply] ignoreWhitespace = change
[am] threeWay = true
[mailinfo] scissors = true
[core] hooksPath = $T/hooks
EOF

# --- what the tests ask

# git_state DIRECTORY...: refs, HEAD, index and changes of those that are git trees
git_state()
{
	for d; do
		[ ! -e "$d/.git" ] || (cd "$d" && git for-each-ref && git status --porcelain=v2 --branch)
	done
}

# sum DIRECTORY...: all that is in them
sum()
{
	find "$@" -name .git -prune -o -printf '%p %m %l\n' -type f -exec sha256sum {} + | sort
	git_state "$@"
}

# sum_times DIRECTORY...: the same, and not even written anew. The time of a change
# stands for the contents.
sum_times()
{
	find "$@" \( -name .git -o -path "$PVREAP_BUILD/logs" \) -prune -o \
		-printf '%p %m %l %s %T@ %C@\n' | sort
	git_state "$@"
}

# All that a tool could change, as far as it is there.
state() { sum_times "$PVREAP_BUILD"/* "$P" "$G" "$D" 2>/dev/null; }

fails() { if "$@"; then return 1; fi; }

# run STATUS TEXT COMMAND...: it ends so, and TEXT is in what it says on stderr;
# without TEXT it says nothing there.
run()
{
	run_status=$1 run_text=${2:-^\$} run_rc=0
	shift 2
	"$@" >"$W/out" 2>"$W/err" || run_rc=$?
	cat "$W/err"
	[ "$run_rc" -eq "$run_status" ]
	{ tr '\n' ' ' <"$W/err"; echo; } | grep -q -- "$run_text"
}

# refuse_with STATUS TEXT COMMAND...: it fails, says what is wrong and what to do,
# and changes nothing anywhere.
refuse_with()
{
	state >"$W/state"
	run "$@"
	[ ! -s "$W/out" ]
	state | diff "$W/state" -
}
refuse() { refuse_with 1 "$@"; }

# wrong COMMAND...: a wrong call.
wrong() { refuse_with 2 'usage: tools/' "$@"; }

# refusals: lines of "what was done | command | what it says then", each of them
# from the beginning. A "+" for the first stands for that of the line before.
refusals()
{
	while IFS='|' read -r what command text <&3; do
		[ "$what" = '+ ' ] || done=$what
		begin
		(eval "$done"; eval "refuse \"\${text# }\" $command")
	done 3<&0 </dev/null
}

# without COMMAND: in $W/bin all that the system has, but for it.
without()
{
	rm -rf "${W:?}/bin"
	mkdir "$W/bin"
	# /bin may be the same as /usr/bin.
	ln -s /bin/* /usr/bin/* "$W/bin" 2>/dev/null || :
	rm -f "$W/bin/$1"
}

# --- trees and a series

# script PATH: makes one of its input.
script() { mkdir -p "${1%/*}"; cat >"$1"; chmod 755 "$1"; }

numbers() { seq -f "$1 %g" 40; }

# linux DIRECTORY [SUBLEVEL [PATCHLEVEL [VERSION]]]: what looks like a kernel tree.
linux()
{
	mkdir -p "$1/kernel" "$1/mm"
	printf '# SPDX\nVERSION = %s\nPATCHLEVEL = %s\nSUBLEVEL = %s\nEXTRAVERSION =\n' \
		"${4:-6}" "${3:-12}" "${2:-117}" >"$1/Makefile"
	echo '# Kbuild' >"$1/Kbuild"
	echo '*.gen' >"$1/.gitignore"
	echo generated >"$1/mm/table.gen"
	for f in kernel/a mm/b mm/c; do
		numbers "${f#*/}" >"$1/$f.c"
	done
	echo '#!/bin/sh' | script "$1/run.sh"
	ln -s kernel/a.c "$1/link"
}

# tarball SUBLEVEL [PATCHLEVEL [VERSION]]
tarball()
{
	linux "$T/tar/linux-source-6.12" "$@"
	tar -C "$T/tar" -cJf "$PVREAP_SOURCE" linux-source-6.12
	rm -r "$T/tar"
}

# fresh: an empty place with a source.
fresh()
{
	rm -rf "$PVREAP_BUILD" "$P"
	tarball 117
	mkdir "$P"
}

# in_rebase REPOSITORY COMMIT: in the middle of one
in_rebase() { GIT_SEQUENCE_EDITOR='sed -i 1s/pick/edit/' git -C "$1" rebase -q -i "$2"; }
kgit() { git -C "$K" "$@"; }
ggit() { git -C "$G" "$@"; }

SIGNED='Signed-off-by: pvreap developers <pvreap@localhost>'
commit() { kgit add -A; kgit commit -q -m "$1" -m "$2" -m "$SIGNED"; }

# fresh_series: four commits, two of them on the same new file, with blanks at
# the end of a line and with messages that a careless git am would cut; and
# exported.
fresh_series()
{
	fresh
	series unpack
	sed -i 's/^a 20$/a twenty/' "$K/kernel/a.c"
	commit '[a] kernel: change' 'One line.'
	sed -i 's/^b 20$/b twenty/' "$K/mm/b.c"
	{ numbers 'new '; echo 'blank at the end '; } >"$K/mm/new.c"
	commit 'mm: new' 'Before.
-- >8 --
After.'
	sed -i 's/^new  20$/new twenty/' "$K/mm/new.c"
	rm "$K/run.sh"
	commit 'mm: change the new' 'Ünïcode.'
	sed -i 's/^c 5$/c five\nc and/' "$K/mm/c.c"
	commit 'mm: c' 'The last.'
	series export
}

# --- running them

# What each test of a file finds. A file may have its own.
before() { :; }
# shellcheck source=/dev/null
. "$file"

# begin: it is made once, then copied.
begin()
{
	rm -rf "$T"
	if [ ! -d "$own/ready" ]; then
		mkdir "$T" "$W"
		before
		mv "$T" "$own/ready"
	fi
	cp -a "$own/ready" "$T"
}

# check FUNCTION: a test, each command in it has to succeed. t_apply_in_git is
# "apply: in git".
check()
{
	name=$(echo "${1#t_}" | sed 's/_/: /; s/_/ /g')
	# shellcheck disable=SC2254
	case $name in
	$pattern) ;;
	*) return ;;
	esac
	# Not as a condition: the shell would go on after what fails.
	(set -eux; begin; "$1") >"$own/log" 2>&1
	rc=$?
	tap $rc "$name"
	[ $rc -eq 0 ] || sed 's/^/# /' "$own/log"
}

tests=$(sed -n 's/^\(t_[A-Za-z_]*\)()$/\1/p' "$file")
for t in $tests; do
	check "$t"
done >"$own/tap"
# In one go: the lines of several files would mix.
flock "$tmp" cat "$own/tap"
exit $tap_failed
