#!/usr/bin/env bats
# cs-fetch: several requests in flight, and pages that are printed while they arrive.

load lib
load canned

setup_file() {
	start_playground --users 1500
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	curl -fsS -X POST "$PLAYGROUND/_reset" >/dev/null
}

teardown() {
	stop_canned
}

log() {
	curl -fsS "$PLAYGROUND/_log" | wc -l
}

# What differs from run to run is taken out.
same() {
	sed 's/"run":"[^"]*"//; s/"started":[0-9]*//'
}

ways() {
	cat <<-'EOF2'
		offset --paginate offset --page-size 50 --total .total
		offset --paginate offset --page-size 50
		page_number --paginate page --page-size 50 --limit-param per_page --total-pages .total_pages
		page_number --paginate page --page-size 50 --limit-param per_page --total .total_items
		page_number --paginate page --page-size 40 --limit-param per_page --total .total_items
		page_number --paginate page --page-size 50 --limit-param per_page
		next_page_url --paginate next-url --next .next_page_url
		link --records . --paginate link
		cursor --paginate cursor --cursor-path .meta.next_cursor
	EOF2
}

@test "the output is the same, byte for byte, for any number in flight, and what is asked for in vain is less" {
	local way k n one vain
	while read -r -a way; do
		for k in 1 2 5 16; do
			curl -fsS -X DELETE "$PLAYGROUND/_log" >/dev/null
			cs-fetch "$PLAYGROUND/pagination/${way[0]}" --records .data "${way[@]:1}" --parallel $k </dev/null |
				same >"out.$k"
			contains "$(tail -n 1 "out.$k")" '"records":1500,"complete":true\}$' || { echo "${way[*]}"; return 1; }
			n=$(log)
			[ $k -gt 1 ] || one=$n
			vain=$((k - 1))
			[[ ${way[*]} != *' --total '* ]] || vain=0 # it is known how many there are
			[ $((n - one)) -le $vain ] || { echo "${way[*]}: $n requests for $k, not $one"; return 1; }
			cmp out.1 "out.$k"
		done
	done < <(ways)
}

@test "several really are in flight" {
	# Thirty pages, 0.3 s each.
	cs-fetch "$PLAYGROUND/pagination/offset?_fault=delay:300" --records .data --paginate offset --page-size 50 --total .total \
		--parallel 10 >out &
	local pid=$! most=0 n i
	for ((i = 0; i < 200; i++)); do
		n=$(find /proc/$pid/fd -lname 'socket:*' 2>/dev/null | wc -l)
		[ "$n" -le "$most" ] || most=$n
		kill -0 $pid 2>/dev/null || break
		sleep 0.02
	done
	wait $pid
	[ "$most" -ge 6 ]
	contains "$(tail -n 1 out)" '"records":1500,"complete":true\}$'
}

@test "a first page that is slow: half of those to be in flight go beside it, where the server will say how many there are" {
	local n
	start_playground --users 60
	ask() { # FAULT [ARGUMENT...]: what is asked, and in out what comes
		curl -fsS -X DELETE "$PLAYGROUND/_log" >/dev/null
		cs-fetch "$PLAYGROUND/pagination/offset?_fault=$1" --records .data --paginate offset --page-size 50 "${@:2}" 2>/dev/null | same >out
		curl -fsS "$PLAYGROUND/_log" | grep -o 'offset=[0-9]*' | sort -t= -k2n | paste -sd' ' || :
	}
	equals "$(ask delay:200 --total .total)" 'offset=0 offset=49'
	mv out one
	equals "$(ask delay:200 --total .total --parallel 8)" 'offset=0 offset=49 offset=98 offset=147 offset=196'
	cmp out one
	equals "$(ask delay:200 --total .total --parallel 2)" 'offset=0 offset=49'
	cmp out one
	equals "$(ask delay:200 --parallel 8 | cut -d' ' -f1-2)" 'offset=0 offset=49' # as it came, not before
	for n in 1 2 3; do
		equals "$(ask "delay:0" --total .total --parallel 8)" 'offset=0 offset=49'
	done
	equals "$(ask status:401 --total .total --parallel 8)" 'offset=0'
	equals "$(ask delay:200 --total .total --parallel 8 --max-records 10)" 'offset=0'
	stop_playground
}

@test "faults on the way are made good page by page" {
	local fault k url="$PLAYGROUND/pagination/offset"
	cs-fetch "$url" --records .data --paginate offset --page-size 50 --total .total | same >one
	for k in 4 16; do
		for fault in cut-chunked cut-length:900 cut-gzip reset:2000 status:503 status:429:none; do
			curl -fsS -X POST "$PLAYGROUND/_fault?path=/pagination/offset&fault=$fault&times=3&after=5" >/dev/null
			succeeds cs-fetch "$url" --records .data --paginate offset --page-size 50 --total .total -q --parallel $k \
				--retry-budget 1000
			same <<<"$output" | cmp - one || { echo "$fault"; return 1; }
		done
	done
}

@test "a failure among those to come is none before their turn, and ends the run at it" {
	local n
	curl -fsS -X POST "$PLAYGROUND/_fault?path=/pagination/offset&fault=status:404&times=0&after=9" >/dev/null
	fails_with 69 cs-fetch "$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 50 --total .total \
		--parallel 6
	n=$(records <<<"$output" | wc -l)
	[ $(((n - 1) % 49)) -eq 0 ] && [ "$n" -gt 49 ]
}

@test "offsets that the server rounds, lists that end early, --max-records, --max-pages" {
	local k url="$PLAYGROUND/pagination/offset"
	for k in 1 8; do
		cs-fetch "$url" --records .data --paginate offset --page-size 50 --max-records 120 --parallel $k | same >"records.$k"
		cs-fetch "$url" --records .data --paginate offset --page-size 50 --max-pages 3 --parallel $k 2>/dev/null | same >"pages.$k" || :
		cs-fetch "$url" --records .data --paginate offset --page-size 4000 --parallel $k | same >"all.$k"
	done
	cmp records.1 records.8
	cmp pages.1 pages.8
	cmp all.1 all.8
	equals "$(records <records.8 | wc -l)" 120
}

big() { # N [FIRST]: a page of about 600 kB
	perl -e 'print "{\"data\":[", join(",", map { qq({"id":$_,"x":") . "x" x 300 . q("}) } $ARGV[1] .. $ARGV[0]), "]}"' "$1" "${2:-1}"
}

# cut NAME BYTES FILE: a reply of which only so many bytes of the body come.
cut_reply() {
	{
		printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n' "$(wc -c <"$3")"
		head -c "$2" "$3"
	} >"$CANNED/$1"
}

@test "a page over --page-buffer is printed while it arrives; a retry leaves out what was" {
	need perl
	start_canned
	big 2000 >big
	jq -c '.data[]' big >expected
	local n=0 at
	for at in 1 5000 66000 70000 300000 500001 640000; do
		cut_reply $((++n)) $at big
		[ $((n % 2)) -eq 0 ] || cut_reply $((++n)) $((at + 20000)) big
		cut_reply $((++n)) 9999999 big
		succeeds cs-fetch "$SERVER/x" --records .data --page-buffer 64K -q
		records <<<"$output" | cmp - expected || { echo "cut at $at"; return 1; }
		contains "${lines[-1]}" '"records":2000,"complete":true'
	done
}

@test "a retry that brings other records than those printed is an error, and no checkpoint covers them" {
	need perl
	start_canned
	big 2000 >big
	cut_reply 1 500000 big
	sed 's/"id":1,/"id":0,/' big >other
	cut_reply else 9999999 other
	fails_with 76 cs-fetch "$SERVER/x" --records .data --page-buffer 64K -q
	contains "$stderr" 'records that are written already'
	equals "$(controls checkpoint <<<"$output")" ''
	run cs-load --to sqlite:x.db --table t --key id <<<"$output"
	equals "$status" 76
	equals "$(sqlite3 x.db "select count(*) from sqlite_master where name = 't'")" 0
	# Fewer than those printed.
	cut_reply 3 500000 big
	big 100 >few
	cut_reply else 9999999 few
	fails_with 76 cs-fetch "$SERVER/x" --records .data --page-buffer 64K -q
	# Without having printed anything it may change.
	cut_reply 5 30000 big
	cut_reply else 9999999 other
	succeeds cs-fetch "$SERVER/x" --records .data --page-buffer 64K -q
	equals "$(records <<<"$output" | wc -l)" 2000
}

@test "large pages by page number and in lines, packed and not, and with a limit" {
	need perl zstd
	start_canned
	big 2000 >1.json
	big 4000 2001 >2.json
	local n
	for n in 1 2; do cut_reply $n 9999999 $n.json; done
	reply else '{"data":[]}'
	succeeds cs-fetch "$SERVER/x" --records .data --paginate page --page-buffer 64K --parallel 3
	records <<<"$output" | cmp - <(jq -c '.data[]' 1.json 2.json)
	jq -c '.data[]' 1.json >1.ndjson
	for n in gzip zstd; do
		$n -c 1.ndjson >packed
		{
			printf 'HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nConnection: close\r\n\r\n' $n
			cat packed
		} >"$CANNED/else"
		succeeds cs-fetch "$SERVER/x" --format ndjson --page-buffer 64K
		records <<<"$output" | cmp - 1.ndjson
		head -c -3 "$CANNED/else" >short && mv short "$CANNED/else"
		fails_with 65 cs-fetch "$SERVER/x" --format ndjson --page-buffer 64K -q --retries 1
	done
	cut_reply else 9999999 1.json
	succeeds cs-fetch "$SERVER/x" --records .data --page-buffer 64K --max-records 1500
	equals "$(records <<<"$output" | wc -l)" 1500
	contains "${lines[-1]}" '"complete":false'
	fails_with 65 cs-fetch "$SERVER/x" --records .data --max-page 500K
	fails_with 65 cs-fetch "$SERVER/x" --records .data --max-page 500K --page-buffer 64K
	# A feed in order, of which part is not wanted.
	succeeds cs-fetch "$SERVER/x" --records .data --page-buffer 64K --cursor-field .id --cursor-type integer --client-filter \
		--state '{"v":1,"cursor":"1500","ordered":true}'
	equals "$(records <<<"$output" | wc -l)" 501
}

@test "what would not help is refused" {
	fails_with 64 cs-fetch http://127.0.0.1:1/ --parallel 0
	fails_with 64 cs-fetch http://127.0.0.1:1/ --parallel 17
	fails_with 64 cs-fetch http://127.0.0.1:1/ --page-buffer 10
}

@test "http2 is an offer" {
	succeeds cs-fetch "$PLAYGROUND/array" --http2
	contains "${lines[-1]}" '"complete":true'
}
