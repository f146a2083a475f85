#!/usr/bin/env bats
# cs-fetch: lists of random size that change between any two pages: no row that stays is lost.

load lib

setup_file() {
	need perl curl
	perl "$ROOT/tests/drift.pl" "$BATS_FILE_TMPDIR" </dev/null >"$BATS_FILE_TMPDIR/output" 2>&1 3>&- &
	echo "$!" >"$BATS_FILE_TMPDIR/pid"
	for ((i = 0; i < 200; i++)); do
		[ -s "$BATS_FILE_TMPDIR/port" ] && break
		sleep 0.02
	done
	export DRIFT
	DRIFT=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/pid")" 2>/dev/null || :
}

# drift SEEDS CHURN TWICE OPTION…: for each seed, with rows and a page size that come of it: what stays is there; what is there,
# was; and no version of a row twice, unless TWICE is yes. Where so much changes that a run gives up with 76, it says so;
# $gave_up counts those.
drift() {
	local seeds=$1 churn=$2 twice=$3 seed rows size status
	shift 3
	gave_up=0
	for seed in $seeds; do
		rows=$((seed * 37 % 61))
		size=$((seed * 13 % 9 + 2))
		curl -fsS "$DRIFT/_new?seed=$seed&rows=$rows&churn=$churn" >/dev/null
		status=0
		timeout 20 cs-fetch -q "$DRIFT/list" --records .data --page-size "$size" "$@" >out 2>err || status=$?
		[ "$status" != 76 ] || gave_up=$((gave_up + 1))
		[ "$status" != 76 ] || continue
		grep -v '^{"@cs"' out | sed 's/^{"id":\([0-9]*\),.*/\1/' | sort -u >got
		curl -fsS "$DRIFT/_must" | sort >must
		curl -fsS "$DRIFT/_may" | sort >may
		grep -v '^{"@cs"' out | sort | uniq -d >doubled
		[ "$twice" != yes ] || : >doubled
		if [ "$status" != 0 ] || [ -n "$(comm -13 got must)" ] || [ -n "$(comm -23 got may)" ] || [ -s doubled ]; then
			echo "seed $seed, $rows rows by $size: status $status, lost $(comm -13 got must | tr '\n' ' '), twice $(cat doubled)"
			cat err
			return 1
		fi
	done
}

@test "offset, with a total and without" {
	drift "$(seq 1 25)" 50 yes --paginate offset --total .total
	[ "$gave_up" -le 12 ]
	drift "$(seq 41 52)" 50 yes --paginate offset
	[ "$gave_up" -le 6 ]
	drift "$(seq 61 66)" 0 no --paginate offset --total .total
	equals "$gave_up" 0
}

@test "keyset: larger than, and no smaller than" {
	drift "$(seq 1 20)" 60 no --paginate keyset --keyset .k --keyset-param gt
	drift "$(seq 31 50)" 60 no --paginate keyset --keyset .k --keyset-param ge --page-size 12
}

@test "page number, where nothing changes" {
	drift "$(seq 1 8)" 0 no --paginate page --total .total
	drift "$(seq 16 23)" 0 no --paginate page
	drift "$(seq 31 38)" 0 no --paginate page --stop-on short
}

@test "cursor" {
	drift "$(seq 1 8)" 0 no --paginate cursor --cursor-path .next --cursor-param after --total .total
}
