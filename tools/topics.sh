# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The part of tools/series that is about sending: topics of the series, each as commits
# on the base, and as mails. It is sourced there and uses its functions.

TOPICS=$PATCHES/topics
COVERS=$PATCHES/cover

topic_needs() { awk -v t="$1" '$1 == "=" && $2 == t { for (i = 3; i <= NF; i++) print $i }' "$TOPICS"; }
topic_subjects()
{
	awk -v t="$1" '$1 == "=" { on = $2 == t; next } on && NF && !/^#/' "$TOPICS"
}

check_topic()
{
	[ -f "$TOPICS" ] || die "there is no $TOPICS" \
		"Linux 7.3 has one: KERNEL=7.3 tools/series ..."
	topic_names "$TOPICS" | grep -qxF -e "$1" || die "there is no topic '$1'" \
		"those of $TOPICS: $(topic_names "$TOPICS" | xargs)"
}

# --- as commits

# pick COMMIT HEAD: the id of a commit on HEAD that changes what COMMIT does. Returns 3,
# and the names of files, where both have changed the same. It is a cherry-pick, but
# one that needs no files: the tree and its branch stay as they are.
pick()
{
	pick_ours=$(tgit commit-tree -p "$1^" -m ours "$2^{tree}") || return 1
	pick_rc=0
	tgit merge-tree --write-tree --name-only --no-messages "$pick_ours" "$1" \
		>"$TMP/merged" || pick_rc=$?
	case $pick_rc in
	0) ;;
	1) sed 1d "$TMP/merged"; return 3 ;;
	*) die 'git merge-tree --write-tree failed' 'git has to be 2.38 or newer' ;;
	esac
	pick_date=$(tgit log -1 --format=%ad --date=raw "$1")
	# The same commits get the same ids.
	tgit cat-file commit "$1" | sed '1,/^$/d' |
		GIT_AUTHOR_NAME="${AUTHOR% <*}" GIT_AUTHOR_EMAIL=pvreap@localhost \
		GIT_AUTHOR_DATE="$pick_date" GIT_COMMITTER_DATE="$pick_date" \
		tgit commit-tree -p "$2" "$(head -n 1 "$TMP/merged")"
}

# topic_commits TOPIC: those of the branch, in its order
topic_commits()
{
	topic_subjects "$1" >"$TMP/subjects"
	tgit log --reverse --format='%H %s' base..pvreap |
		awk 'NR == FNR { want[$0]; next }
		     { id = $1; sub(/^[^ ]* /, "") }
		     $0 in want { print id; delete want[$0] }
		     END { for (s in want) { print s | "cat >&2"; missing = 1 }; exit missing }' \
			"$TMP/subjects" - || die "the series has no such patch, but $TOPICS" \
				"correct the subject there"
}

# pick_topic TOPIC HEAD: the id of its last commit
pick_topic()
{
	pick_head=$2
	topic_commits "$1" >"$TMP/ids" || exit 1
	for id in $(cat "$TMP/ids"); do
		next=$(pick "$id" "$pick_head") || {
			[ $? -eq 3 ] || exit 1
			die "topic $1 does not apply without what comes before it in the series: '$(
				tgit log -1 --format=%s "$id")' conflicts in $(echo "$next" | xargs)" \
			    "name the topic that it needs in $TOPICS, or change the order of the series"
		}
		pick_head=$next
	done
	echo "$pick_head"
}

# make_topic TOPIC: sets topic_base and topic_tip
make_topic()
{
	[ -e "$TREE" ] || die "there is no $TREE" "run tools/series unpack"
	check_made
	make_tmp
	format "$TMP/now"
	same "$TMP/now" || die "the branch pvreap in $TREE and $PATCHES differ" \
		"see tools/series status, then export or unpack"
	topic_base=base
	for t in $(topic_needs "$1"); do
		topic_base=$(pick_topic "$t" "$topic_base") || exit 1
	done
	topic_tip=$(pick_topic "$1" "$topic_base") || exit 1
}

# keep_topic TOPIC: so that gc leaves it alone
keep_topic() { tgit update-ref "refs/pvreap/topics/$1" "$topic_tip"; }

cmd_topic()
{
	check_topic "$1"
	make_topic "$1"
	keep_topic "$1"
	echo "$topic_tip"
}

# --- as mails

# What is measured stands in Documentation, and nowhere else. In a cover letter,
# "@table FILE: HEAD=COLUMN | ..." takes it from Documentation/FILE.md (or
# FILE-$SERIES.md), and each "@row NAME" after it is a row of that table.
# cover TOPIC: the letter with these
cover()
{
	[ -f "$COVERS/$1" ] || die "there is no $COVERS/$1" \
		"write the cover letter of the topic"
	awk -v docs="$TOP/Documentation" -v series="$SERIES" -v name="$1" '
		function trim(s) { gsub(/^[ *]+|[ *]+$/, "", s); return s }
		function fail(why) {
			print "cover letter of " name ": " why | "cat >&2"
			failed = 1
			exit 1
		}
		function load(doc,    file, line, last, n, i, cell, title) {
			file = docs "/" doc "-" series ".md"
			if ((getline line < file) < 0)
				file = docs "/" doc ".md"
			close(file)
			split("", value); split("", column); kernel = xen = ""
			while ((getline line < file) > 0) {
				if (line ~ /^Kernel: /) { split(line, cell, " "); kernel = cell[4] }
				if (line ~ /^Xen: /) { split(line, cell, " "); xen = cell[4]; sub(/\.$/, "", xen) }
				if (line ~ /^\|/) {
					n = split(line, cell, "|")
					if (line ~ /^\|[-|]+$/)
						split(last, title, "|")
					for (i = 3; i < n; i++) {
						value[trim(cell[2]), trim(title[i])] = trim(cell[i])
						column[trim(title[i])]
					}
				}
				last = line
			}
			close(file)
			return file
		}
		/^@table / {
			sub(/^@table /, "")
			doc = $0; sub(/:.*/, "", doc)
			sub(/^[^:]*: */, "")
			file = load(doc)
			cols = split($0, col, "|")
			line = kernel ? "Linux " kernel ", Xen " xen : ""
			sub(/\+,/, ",", line)
			line = sprintf("  %-39s", line)
			for (i = 1; i <= cols; i++) {
				head = trim(col[i]); sub(/=.*/, "", head)
				sub(/^[^=]*=/, "", col[i]); col[i] = trim(col[i])
				if (!(col[i] in column)) fail(file " has no column " col[i])
				line = line sprintf("%11s", head)
			}
			print line
			next
		}
		/^@row / {
			row = substr($0, 6)
			line = sprintf("  %-39s", row)
			if (length(row) > 38) { print "  " row; line = sprintf("%41s", "") }
			for (i = 1; i <= cols; i++) {
				if (!((row, col[i]) in value)) fail(file " has no row " row)
				line = line sprintf("%11s", value[row, col[i]])
			}
			print line
			next
		}
		{ print }
		END { exit failed }' "$COVERS/$1"
}

cmd_cover()
{
	check_topic "$1"
	text=$(cover "$1") || exit 1
	printf '%s\n' "$text"
}

# head_of FIELD: of the letter, which begins like a mail
head_of() { sed -n -e '/^$/q' -e "s/^$1: //p" "$TMP/cover"; }

# maintainers OPTION...: of the patches in $TMP/plain. Without git: its history is of no
# use here. And not those who send them.
maintainers()
{
	(cd "$TREE" && perl scripts/get_maintainer.pl --no-rolestats --no-git \
		--no-git-fallback --no-fixes "$@" "$TMP"/plain/*.patch) |
		grep -v '@localhost>*$' || :
}

mails()
{
	tgit format-patch -q --zero-commit --no-signature --numbered -v1 --no-thread \
		--no-attach --no-notes --no-signoff --no-to --no-cc --no-renames \
		--diff-algorithm=myers -U3 --no-ext-diff --no-textconv --no-color \
		--src-prefix=a/ --dst-prefix=b/ --suffix=.patch "$@" "$topic_base..$topic_tip"
}

cmd_mail()
{
	need perl perl
	check_topic "$1"
	mail=$BUILD/mail/$1
	[ ! -e "$mail" ] || die "$mail is there already" \
		"if nobody needs it any more: rm -r $mail"
	make_topic "$1"
	[ -f "$TREE/scripts/get_maintainer.pl" ] ||
		die "there is no scripts/get_maintainer.pl in $TREE"
	cover "$1" >"$TMP/cover" || exit 1
	[ -n "$(head_of Subject)" ] || die "$COVERS/$1 has no subject" \
		"its first line has to be Subject: ..."
	{
		sed '1,/^$/d' "$TMP/cover"
		needs=$(topic_needs "$1" | xargs | sed 's/ /, /g')
		echo
		echo "Against $(tgit log -1 --format=%s base)${needs:+, on top of: $needs}."
		echo 'The base-commit is that of the import of these sources.'
	} >"$TMP/text"

	mails -o "$TMP/plain" --no-cover-letter
	maintainers --no-r --no-l >"$TMP/to"
	maintainers --no-m | grep -vxF -f "$TMP/to" >"$TMP/cc" || :
	[ -s "$TMP/to" ] || die "get_maintainer.pl knows nobody for these patches"
	set -- "$1" -o "$TMP/mail" --cover-letter --base=base \
		--subject-prefix="$(head_of Prefix | grep . || echo PATCH)"
	while read -r a; do set -- "$@" --to="$a"; done <"$TMP/to"
	while read -r a; do set -- "$@" --cc="$a"; done <"$TMP/cc"
	topic=$1
	shift
	mails "$@"
	awk -v subject="$(head_of Subject)" -v text="$TMP/text" '
		{ sub(/\*\*\* SUBJECT HERE \*\*\*/, subject) }
		$0 == "*** BLURB HERE ***" { while ((getline line < text) > 0) print line; next }
		{ print }' "$TMP"/mail/*-0000-*.patch >"$TMP/letter"
	cat "$TMP/letter" >"$(echo "$TMP"/mail/*-0000-*.patch)"
	keep_topic "$topic"
	mkdir -p "$BUILD/mail"
	mv -T "$TMP/mail" "$BUILD/mail/$topic"
	say "$BUILD/mail/$topic: $(find "$BUILD/mail/$topic" -name '*.patch' | wc -l) mails. Nothing was sent; see Documentation/upstream.md before you do."
}
