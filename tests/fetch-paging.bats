#!/usr/bin/env bats
# cs-fetch: every way from page to page, and what must not pass for the end of one.

load lib
load canned

setup_file() {
	start_playground --users 200 --people 321
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

# users PATH [OPTION…]: fetch all 200 users and check that they are all there, once.
users() {
	local path=$1
	shift
	succeeds cs-fetch "$PLAYGROUND$path" "$@" || return 1
	equals "$(records <<<"$output" | jq -r .id | sort | uniq | wc -l)" 200 || return 1
	equals "$(records <<<"$output" | wc -l)" 200 || return 1
	contains "$(tail -n 1 <<<"$output")" '"records":200,"complete":true\}$'
}

log() {
	curl -fsS "$PLAYGROUND/_log"
}

@test "none: one request" {
	users /array
	equals "$(log | wc -l)" 1
}

@test "none: a total that says there is more is not ignored" {
	fails_with 76 cs-fetch "$PLAYGROUND/pagination/offset" --records .data --total .total
	contains "$stderr" 'there are 200 records, but 10 came: say how to get the others with --paginate'
}

@test "offset: to the total, without a request more" {
	users '/pagination/offset?offset=7' --records .data --paginate offset --page-size 50 --total .total
	equals "$(log | jq -r '.query | .limit + " " + .offset' | tr '\n' ,)" '50 0,50 49,50 98,50 147,50 196,'
}

@test "offset: without a total to the empty page; a short one only when asked" {
	users /pagination/offset --records .data --paginate offset --page-size 48
	equals "$(log | jq -r .query.offset | tr '\n' ,)" 0,47,94,141,188,199,200,
	users /pagination/offset --records .data --paginate offset --page-size 48 --stop-on short
	equals "$(log | wc -l)" 12
}

@test "offset: a server that caps the page size loses nothing" {
	users '/pagination/offset?_fault=cap:20' --records .data --paginate offset --page-size 50 --total .total
	users '/pagination/offset?_fault=cap-hidden:20' --records .data --paginate offset --page-size 50 --total .total
	users '/pagination/offset?_fault=cap-hidden:20' --records .data --paginate offset --page-size 50
	fails_with 76 cs-fetch "$PLAYGROUND/pagination/offset?_fault=cap-hidden:20" --records .data \
		--paginate offset --page-size 50 --total .total --stop-on short
}

@test "page number: to the total number of pages, of records, or an empty page" {
	local all=(--records .data --paginate page --limit-param per_page --page-size 50)
	# The last page is as full as any: one request more shows that the count is right.
	users /pagination/page_number "${all[@]}" --total-pages .total_pages
	equals "$(log | jq -r .query.page | tr '\n' ,)" 1,2,3,4,5,
	users /pagination/page_number "${all[@]}" --total .total_items
	equals "$(log | wc -l)" 10
	users /pagination/page_number "${all[@]}"
	equals "$(log | wc -l)" 15
	users /pagination/page_number "${all[@]}" --page-size 48 --total-pages .total_pages
	equals "$(log | wc -l)" 20
}

@test "page number: from 0, by another name" {
	need perl
	start_canned
	local how
	for how in '--has-more .more' '--total-pages .pages' '--total .n'; do
		rm -f "$CANNED/log"
		reply else '{"data":[{"id":2}],"more":false,"pages":2,"n":2}'
		reply 1 '{"data":[{"id":0},{"id":1}],"more":true,"pages":2,"n":3}'
		reply 2 '{"data":[{"id":2}],"more":false,"pages":2,"n":3}'
		# shellcheck disable=SC2086 # two words
		succeeds cs-fetch "$SERVER/x?p=7" --records .data --paginate page --first-page 0 --page-param p $how
		equals "$(records <<<"$output" | jq -c .id | tr '\n' ' ')" '0 1 2 '
		equals "$(requests | cut -d ' ' -f 2 | tr '\n' ' ')" '/x?p=0 /x?p=1 '
		stop_canned
		rm "$CANNED"/*
		start_canned
	done
}

@test "one page of a size is one page when that is said" {
	equals "$(cs-fetch "$PLAYGROUND/array" --page-size 10 --paginate none | records | wc -l)" 200
}

@test "one page that seems to lead to another is said to be one" {
	need perl
	start_canned
	local body
	for body in '{"d":[1],"page":{"next_cursor":"x"}}' '{"next":"/y","d":[1]}' '{"d":[1],"has_more":true}' \
		'{"@odata.nextLink":"y","d":[]}' '{"d":[1],"pageInfo":{"hasNextPage":true}}'; do
		reply else "$body"
		succeeds cs-fetch "$SERVER/x" --records .d
		contains "$stderr" "^cs-fetch: $SERVER/x: one page was asked for, and \\..*ext|more.* may lead to another: say --paginate, or --paginate none$"
		succeeds cs-fetch "$SERVER/x" --records .d --paginate none
		equals "$stderr" ''
		succeeds cs-fetch "$SERVER/x" --records .d --max-records 1
		equals "$stderr" ''
	done
	for body in '{"d":[{"next":1}],"next_cursor":""}' '{"next":null,"d":[1],"previous":"/z"}' '{"d":[1],"has_more":false,"cursor":{}}'; do
		reply else "$body"
		succeeds cs-fetch "$SERVER/x" --records .d
		equals "$stderr" ''
	done
}

@test "page number: who asks for page 0 begins there" {
	need perl
	start_canned
	# pages ARGUMENT…: which are asked for
	pages() {
		rm -f "$CANNED/log"
		succeeds cs-fetch --paginate page "$@" || return 1
		equals "$(grep -Eo '(page=|"page":|p=)[0-9]+' "$CANNED/log" | grep -o '[0-9]*$' | tr '\n' ' ')" "${want:-0 1 }" || return 1
	}
	reply 1 '[1]'
	reply else '[]'
	pages "$SERVER/x?a=10&page=0#page=7"
	want='0 ' pages "$SERVER/x?page=1" --query page=0
	want='0 ' pages "$SERVER/x?p=0&page" --page-param p
	want='1 ' pages "$SERVER/x?page=0" --query page=2
	want='1 ' pages "$SERVER/x?page=0" --first-page 1
	want='1 ' pages "$SERVER/x?page=00&pages=0"
	want='0 ' pages "$SERVER/x" --json '{"q":1,"page":0}' --page-param body:.page
}

@test "page number: a server that caps the page size loses nothing" {
	users '/pagination/page_number?_fault=cap-hidden:20' --records .data --paginate page \
		--limit-param per_page --page-size 50 --total .total_items
}

@test "cursor in the body" {
	users '/pagination/cursor' --records .data --paginate cursor --page-size 50 \
		--cursor-path .meta.next_cursor --has-more .meta.has_more
	equals "$(log | jq -r '.query | has("cursor")' | tr '\n' ,)" false,true,true,true,
}

@test "next URL, absolute and relative" {
	users '/pagination/next_page_url?per_page=50' --records .data --paginate next-url --next .next_page_url \
		--total .total_items
	equals "$(log | wc -l)" 4
	users '/pagination/relative_next?per_page=50' --records .data --paginate next-url --next .next_page_url
}

@test "Link header around a root array" {
	users '/pagination/link?per_page=50' --paginate link
	equals "$(log | wc -l)" 4
}

@test "keyset by scroll parameter" {
	start_playground --users 200 --no-ties
	users /pagination/keyset --records .data --paginate cursor --cursor-path .scroll_param \
		--cursor-param scroll_param
	stop_playground
}

@test "keyset by a time that records share, of which the server's own scroll parameter loses one" {
	users /pagination/keyset --records .data --paginate keyset --keyset .updatedAt --keyset-param updated_since
}

@test "one connection serves all pages" {
	users /pagination/offset --records .data --paginate offset --page-size 20
	equals "$(log | jq .conn | sort -u | wc -l)" 1
}

@test "what comes again, or never ends, is no success" {
	local fault
	for fault in endless repeat; do
		fails_with 76 cs-fetch "$PLAYGROUND/pagination/offset?_fault=$fault" --records .data \
			--paginate offset --page-size 50
		contains "$stderr" 'a page again'
		fails_with 76 cs-fetch "$PLAYGROUND/pagination/page_number?_fault=$fault" --records .data \
			--paginate page
		fails_with 76 cs-fetch "$PLAYGROUND/pagination/cursor?_fault=$fault" --records .data \
			--paginate cursor --cursor-path .meta.next_cursor
		contains "$stderr" 'in a circle|a page again'
		fails_with 76 cs-fetch "$PLAYGROUND/pagination/next_page_url?_fault=$fault" --records .data \
			--paginate next-url --next .next_page_url
		fails_with 76 cs-fetch "$PLAYGROUND/pagination/link?_fault=$fault" --paginate link
		lacks "$output" '"@cs":"end"'
		contains "$(tail -n 1 <<<"$output")" '^\{"@cs":"error",.*"code":76,'
	done
	fails_with 76 cs-fetch "$PLAYGROUND/pagination/cursor?_fault=endless:advance" --records .data \
		--paginate cursor --cursor-path .meta.next_cursor
	contains "$stderr" '1000 pages in a row without a record'
}

@test "a circle of several pages is one too" {
	need perl
	start_canned
	reply else '{"d":[3],"n":"c"}'
	reply 1 '{"d":[1],"n":"a"}'
	reply 2 '{"d":[2],"n":"b"}'
	reply 4 '{"d":[4],"n":"a"}'
	fails_with 76 cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n
	contains "$stderr" 'back to "a"'
	equals "$(requests | wc -l)" 4
}

@test "more records than the server says is an error too, and beyond the end all answers are one" {
	need perl
	start_canned
	local all=("$SERVER/x" --records .d --paginate page --page-size 2)
	reply 1 '{"d":[1,2],"t":4,"p":2}'
	reply 2 '{"d":[3,4],"t":4,"p":2}'
	reply 3 '{"d":[5],"t":4,"p":2}'
	fails_with 76 cs-fetch "${all[@]}" --total .t
	contains "$stderr" 'there are 4 records, but 5 came'
	local n=3 last
	for last in '{"d":[],"t":4,"p":2}' '{"d":[3,4],"t":4,"p":2}' '{"d":[1,2],"t":4,"p":2}' 404; do
		reply $((n += 1)) '{"d":[1,2],"t":4,"p":2}'
		reply $((n += 1)) '{"d":[3,4],"t":4,"p":2}'
		if [ "$last" = 404 ]; then answer $((n += 1)) 404 'no such page'; else reply $((n += 1)) "$last"; fi
		succeeds cs-fetch "${all[@]}" --total-pages .p
		equals "$(records <<<"$output" | tr -d '\n')" '{"value":1}{"value":2}{"value":3}{"value":4}'
	done
}

@test "page number: a count of pages that is too low is an error, and one that grows is followed" {
	need perl
	start_canned
	local all=("$SERVER/x" --records .d --paginate page --page-size 2 --total-pages .p) k
	reply 1 '{"d":[1,2],"p":2}'
	reply 2 '{"d":[3,4],"p":2}'
	reply 3 '{"d":[5,6],"p":2}'
	fails_with 76 cs-fetch "${all[@]}"
	contains "$stderr" 'says there are 2 pages, but there are records on the next, too'
	reply 4 '{"d":[1,2],"p":0}'
	fails_with 76 cs-fetch "${all[@]}"
	reply 5 '{"d":[1,2],"p":1}'
	reply 6 '{"d":[3,4],"p":2}'
	reply 7 '{"d":[5,6],"p":5}' # behind the count there were more: no guess any more
	reply 8 '{"d":[],"p":5}'
	answer 9 404 'what?'
	fails_with 69 cs-fetch "${all[@]}"
	for k in 10 11 12 13; do reply $k "$(sed '1,/^\r$/d' "$CANNED/$((k - 5))")"; done
	reply 14 '{"d":[7],"p":5}'
	succeeds cs-fetch "${all[@]}"
	equals "$(records <<<"$output" | jq -c .value | tr -d '\n')" 1234567
}

@test "no content is no empty list unless the user says so" {
	need perl
	start_canned
	local all=("$SERVER/x" --paginate page) n=0 format body
	for format in json ndjson csv; do
		body=1
		[ $format != json ] || body='[1]'
		[ $format != csv ] || body=$'v\n1'
		for n in $((n + 1)) $((n + 3)); do
			reply $n "$body"
			printf 'HTTP/1.1 204 No Content\r\n\r\n' >"$CANNED/$((n + 1))"
		done
		fails_with 65 cs-fetch "${all[@]}" --format $format
		contains "$stderr" 'status 204: no content: .*say --stop-on status:204$'
		succeeds cs-fetch "${all[@]}" --format $format --stop-on status:204
		equals "$(records <<<"$output" | wc -l)" 1
		n=$((n + 1))
	done
	equals "$(requests | wc -l)" 12
}

@test "a server that gives shorter pages than it was asked for is noticed" {
	need perl
	start_canned
	local all=("$SERVER/x" --records .d --paginate page --page-size 10)
	reply 1 '{"d":[1,2]}'
	reply 2 '{"d":[3,4]}'
	reply 3 '{"d":[]}'
	succeeds cs-fetch "${all[@]}"
	contains "$stderr" 'gives 2 records a page, not 10'
	# A short first page is not taken for the end without a look.
	reply 4 '{"d":[1,2]}'
	reply 5 '{"d":[3,4]}'
	fails_with 76 cs-fetch "${all[@]}" --stop-on short
	contains "$stderr" 'shorter than --page-size: say --page-size 2'
	reply 6 '{"d":[1,2]}'
	answer 7 404 '{}'
	succeeds cs-fetch "${all[@]}" --stop-on short
	reply 8 '{"d":[1,2],"c":"a"}'
	reply 9 '{"d":[],"c":"b"}'
	succeeds cs-fetch "$SERVER/x" --records .d --page-size 10 --paginate cursor --cursor-path .c --stop-on short
	equals "$(requests | wc -l)" 9
}

@test "fewer records than the server says is an error" {
	fails_with 76 cs-fetch "$PLAYGROUND/pagination/offset?_fault=total:500" --records .data \
		--paginate offset --page-size 50 --total .total
	contains "$stderr" 'there are 500 records, but 200 came'
	fails_with 76 cs-fetch "$PLAYGROUND/pagination/offset?_fault=empty-page" --records .data \
		--paginate offset --page-size 50 --total .total
	fails_with 76 cs-fetch "$PLAYGROUND/pagination/next_page_url?_fault=total:500&per_page=50" --records .data \
		--paginate next-url --next .next_page_url --total .total_items
	fails_with 65 cs-fetch "$PLAYGROUND/pagination/offset" --records .data --paginate offset --total .totl
	contains "$stderr" 'total \.totl: is not there'
}

@test "rows deleted while paging hide no others" {
	local path='/pagination/offset?_fault=drift'
	run --separate-stderr cs-fetch "$PLAYGROUND$path" --records .data --paginate offset --page-size 50 --total .total
	equals "$status" 0
	contains "$stderr" 'rows moved while paging'
	records <<<"$output" | jq -r .id | sort -u >got
	for ((at = 0; at < 200; at += 50)); do
		curl -fsS "$PLAYGROUND/pagination/offset?limit=50&offset=$at" | jq -r '.data[].id'
	done | sort -u >left
	[ -s left ]
	equals "$(comm -13 got left)" ''
}

# pages FILTER: what the server answers to the requests in the order they come, from arrays of ids: one a line.
pages() {
	local n=0 page
	while read -r page; do
		reply $((++n)) "$(jq -c "map({id: .}) | {d: .} + ($1)" <<<"$page")"
	done
}

got() {
	records <<<"$output" | jq -r .id | tr '\n' ' '
}

asked() {
	requests | sed 's/.*[?&][a-z]*=\([0-9]*\) HTTP.*/\1/' | tr '\n' ' '
}

@test "offset: a row that moves to the end while paging hides no other" {
	need perl
	start_canned
	local all=("$SERVER/x" --records .d --paginate offset --total .t)
	# 1 goes to the end after the first page; the total stays.
	pages '{t: 8}' <<-'END'
		[1,2,3,4]
		[5,6,7,8]
		[3,4,5,6]
		[6,7,8,1]
	END
	run --separate-stderr cs-fetch "${all[@]}"
	equals "$status" 0
	equals "$(asked)" '0 3 1 4 '
	equals "$(got)" '1 2 3 4 3 4 5 6 7 8 1 '
	equals "$stderr" 'cs-fetch: rows moved while paging: going back'
}

@test "offset: a server that knows whole pages only, or refuses others, is asked for those" {
	need perl
	start_canned
	pages '{t: 6}' <<-'END'
		[1,2,3]
		[1,2,3]
		[4,5,6]
		[]
	END
	succeeds cs-fetch "$SERVER/x" --records .d --paginate offset --total .t
	equals "$(asked)" '0 2 3 6 '
	equals "$(got)" '1 2 3 4 5 6 '
	reply 5 '{"d":[1,2,3],"t":6}'
	answer 6 400 'offset must be a multiple of limit'
	reply 7 '{"d":[4,5,6],"t":6}'
	answer 8 404 'beyond the end'
	succeeds cs-fetch "$SERVER/x" --records .d --paginate offset --total .t
	equals "$(records <<<"$output" | wc -l)" 6
}

@test "offset: one record a page, or one more than it held, is no end" {
	need perl
	start_canned
	pages '{}' <<-'END'
		[1]
		[2,3]
		[3]
		[4]
		[]
	END
	succeeds cs-fetch "$SERVER/x" --records .d --paginate offset
	equals "$(asked)" '0 1 2 3 4 '
	equals "$(got)" '1 2 3 4 '
}

@test "a total that flaps or counts what remains is an error, not an endless run" {
	need perl
	start_canned
	local page
	for page in 1 2 3 4 5 6 7 8; do
		reply $((2 * page - 1)) '{"d":[1,2],"t":20}'
		reply $((2 * page)) '{"d":[3,4],"t":18}'
	done
	fails_with 76 cs-fetch "$SERVER/x" -q --records .d --paginate page --total .t
	contains "$stderr" 'the list or its total changes with every request'
	equals "$(requests | wc -l)" 8
	lacks "$output" '"@cs":"end"'
	reply 9 '{"d":[1,2,3],"t":5}'
	reply 10 '{"d":[3,4,5],"t":3}'
	fails_with 76 cs-fetch "$SERVER/x" --records .d --paginate offset --total .t
	contains "$stderr" 'total \.t counts what remains'
}

@test "pages read again after rows went are no circle" {
	need perl
	start_canned
	pages '{t: 8}' <<-'END'
		[1,2]
		[3,4]
		[5,6]
	END
	reply 4 '{"d":[{"id":8}],"t":5}' # 7 went, and two that were not read
	reply 5 '{"d":[{"id":3},{"id":4}],"t":5}'
	reply 6 '{"d":[{"id":5}],"t":5}'
	run --separate-stderr cs-fetch "$SERVER/x" --records .d --paginate page --total .t
	equals "$(asked)" '1 2 3 4 2 3 '
	equals "$status" 0
}

@test "rows inserted while paging are no error" {
	succeeds cs-fetch "$PLAYGROUND/pagination/offset?_fault=drift:insert" --records .data --paginate offset \
		--page-size 50 --total .total
	contains "$(tail -n 1 <<<"$output")" '"complete":true'
}

@test "--stop-on" {
	need perl
	start_canned
	reply 1 '[1,2]'
	answer else 404 '{"error":"beyond the end"}'
	succeeds cs-fetch "$SERVER/x" --paginate page --stop-on status:404
	equals "$(records <<<"$output" | wc -l)" 2
	fails_with 69 cs-fetch "$SERVER/x" --paginate page --stop-on status:404
	reply else '{"d":[],"more":true}'
	succeeds cs-fetch "$SERVER/x" --records .d --paginate page --has-more .more --stop-on empty
	fails_with 76 cs-fetch "$SERVER/x" --records .d --paginate page --has-more .more
	fails_with 76 cs-fetch "$SERVER/x" --records .d --paginate offset --has-more .more
	contains "$stderr" 'there is more, but not how'
}

@test "--has-more decides, whatever the page holds" {
	need perl
	start_canned
	reply 1 '{"d":[1],"more":true,"n":"a"}'
	reply 2 '{"d":[],"more":true,"n":"b"}'
	reply 3 '{"d":[2],"more":false,"n":"c"}'
	reply 4 '{"d":[3],"more":"maybe"}'
	succeeds cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n --has-more .more
	equals "$(records <<<"$output" | tr -d '\n')" '{"value":1}{"value":2}'
	fails_with 65 cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n --has-more .more
	contains "$stderr" 'is not true or false'
}

@test "--max-pages is no end" {
	fails_with 76 cs-fetch "$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 50 --max-pages 2
	contains "$stderr" 'there is more after --max-pages 2'
	equals "$(records <<<"$output" | wc -l)" 99
	lacks "$output" '"@cs":"end"'
	contains "$(tail -n 2 <<<"$output" | head -n 1)" '"@cs":"checkpoint".*"records":99\}'
	succeeds cs-fetch "$PLAYGROUND/pagination/offset" --records .data --paginate offset --page-size 50 --max-pages 6
}

@test "cursors of all kinds: numbers, objects, headers" {
	need perl
	start_canned
	reply 1 '[1]' 'X-Next: a&b' 'X-Total: 3'
	reply 2 '[2]' 'X-Next: c'
	reply 3 '[3]' 'X-Next:'
	succeeds cs-fetch "$SERVER/x" --paginate cursor --cursor-path header:X-Next --cursor-param after --total header:X-Total
	equals "$(requests | cut -d' ' -f2 | tr '\n' ' ')" '/x /x?after=a%26b /x?after=c '
	reply 4 '{"d":[1],"n":12345678901234567890}'
	reply 5 '{"d":[2],"n":{"a":"x y","b":7}}'
	reply 6 '{"d":[3],"n":null}'
	succeeds cs-fetch "$SERVER/x?q=1" --records .d --paginate cursor --cursor-path .n
	equals "$(requests | tail -n 2 | cut -d' ' -f2 | tr '\n' ' ')" '/x?q=1&cursor=12345678901234567890 /x?q=1&a=x%20y&b=7 '
	reply 7 '{"d":[1],"n":"tok"}'
	reply 8 '{"d":[2]}'
	succeeds cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n --cursor-param header:X-After
	contains "$(cat "$CANNED/log")" '^X-After: tok$'
	reply 9 '{"d":[1],"n":"a\r\nX-Evil: 1"}'
	fails_with 65 cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n --cursor-param header:X-After
	reply 10 '{"d":[1],"n":[1]}'
	fails_with 65 cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n
}

@test "Link headers as RFC 8288 has them" {
	need perl jq
	shared corpora/link-header/vectors.ndjson
	start_canned
	local port=${SERVER##*:} base want n=0 seen bad=0
	local -a link
	while read -r vector; do
		base=$(jq -r .base <<<"$vector")
		want=$(jq -r '.next // "none"' <<<"$vector")
		mapfile -t link < <(jq -r '.link[] | "Link: " + .' <<<"$vector")
		rm -f "$CANNED"/[0-9]* "$CANNED/log"
		# The canned server counts on from where it is.
		n=$((n + 1))
		reply "$n" '[1]' "${link[@]//8080/$port}"
		reply else '[]'
		run --separate-stderr cs-fetch "${base/8080/$port}" --paginate link --retries 0
		seen=$(requests | sed -n '2s/^GET \([^ ]*\) .*/\1/p')
		n=$((n + $(requests | wc -l) - 1))
		case $status in
		0) seen=${seen:+http://127.0.0.1:8080$seen} ;;
		76) seen="REFUSE $stderr" ;;
		*) seen="status $status" ;;
		esac
		case $want in
		none) [ -z "$seen" ] && continue ;;
		REFUSE) [[ $seen == REFUSE* ]] && continue ;;
		http://127.0.0.1:8080*) [ "$seen" = "$want" ] && continue ;;
		*) [[ $seen == "REFUSE "*"another host"* ]] && continue ;;
		esac
		if [ "$(jq -r .level <<<"$vector")" = must ]; then
			echo "vector $(jq .id <<<"$vector"): $seen, not $want"
			bad=1
		fi
	done <"$SHARED"
	return $bad
}

@test "next and redirects stay with the origin; --allow-host goes on without credentials" {
	need perl
	start_canned
	local there=$SERVER here=$PLAYGROUND
	reply else '{"data":[{"id":1}],"next_page_url":null}'
	export KEY=queer-key-1234
	# In the body.
	local all=(--records .data --paginate next-url --next .next_page_url --auth bearer --token env:TOKEN
		-H 'X-Api-Key: custom' --query 'api_key=x')
	fails_with 76 cs-fetch "$here/pagination/next_page_url?_fault=foreign-next:${there#http://}" "${all[@]:0:6}"
	contains "$stderr" "^cs-fetch: $here: leads to another host, $there: refused"
	equals "$(requests)" ''
	succeeds cs-fetch "$here/pagination/next_page_url?_fault=foreign-next:${there#http://}" "${all[@]:0:10}" \
		-H 'X-Api-Key: custom' --allow-host 127.0.0.1
	contains "$(cat "$CANNED/log")" '^GET /pagination/next_page_url'
	lacks "$(cat "$CANNED/log")" -i 'authorization|api-key|custom'
	# By redirect, with a key in the query.
	rm "$CANNED/log"
	fails_with 76 cs-fetch "$here/auth/query?_fault=redirect:$there/y" --records .data --auth query --token env:KEY
	equals "$(requests)" ''
	succeeds cs-fetch "$here/auth/query?_fault=redirect:$there/y?api_key=echo" --records .data --auth query \
		--token env:KEY --allow-host "${there#http://}"
	equals "$(requests)" 'GET /y HTTP/1.1'
	# The same host, but by https: the user says that.
	fails_with 76 cs-fetch "$here/array?_fault=redirect:https://127.0.0.1/array"
	contains "$stderr" "^cs-fetch: $here: leads to https://127.0.0.1:443: refused \\(say https:// in the URL\\)$"
	# localhost is another host than 127.0.0.1.
	fails_with 76 cs-fetch "$here/array?_fault=redirect:http://localhost:${here##*:}/array"
	succeeds cs-fetch "$here/auth/http_bearer?_fault=redirect:/array"
	fails_with 76 cs-fetch "$here/array?_fault=redirect:file:///etc/passwd"
}

@test "a host that is allowed may not lead to this machine or a private network by its name" {
	need perl
	start_canned
	local there=$SERVER port=${SERVER##*:} here=$PLAYGROUND name
	reply else '{"data":[{"id":1}],"next_page_url":null}'
	local all=(--records .data --paginate next-url --next .next_page_url -q)
	# A link, a redirect; by a resolver that knows such names, as RFC 6761 has it.
	fails_with 76 cs-fetch "$here/pagination/next_page_url?_fault=foreign-next:x.localhost:$port" "${all[@]}" --allow-host x.localhost
	contains "$stderr" 'the name leads to (127\.0\.0\.1|\[::1\]), which is this machine'
	fails_with 76 cs-fetch "$here/array?_fault=redirect:http://x.localhost:$port/y" --records .data -q --allow-host "x.localhost:$port"
	equals "$(requests)" ''
	# Who names the address means it; localhost is it.
	succeeds cs-fetch "$here/array?_fault=redirect:http://x.localhost:$port/y" --records .data -q --allow-host x.localhost \
		--allow-host 127.0.0.1
	succeeds cs-fetch "$here/array?_fault=redirect:http://localhost:$port/y" --records .data -q --allow-host localhost
	# A number is the address it stands for, however it is written.
	for name in 2130706433 0x7f000001 127.1 017700000001; do
		fails_with 76 cs-fetch "$here/array?_fault=redirect:http://$name:$port/y" --records .data -q --allow-host $name
	done
}

@test "addresses that no allowed name may lead to" {
	need unshare ip perl
	local address name
	# Names of our own, for this process alone.
	for address in 0.0.0.1 10.255.0.1 100.64.0.1 127.0.0.9 169.254.169.254 172.16.0.1 172.31.255.1 192.0.0.8 192.168.1.1 198.19.0.1 \
		255.255.255.255 ::1 fc00::1 fd12::1 fe80::1 ff02::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2002:a00:1::1; do
		echo "$address $(tr :. - <<<"n$address").test"
	done >hosts
	echo '203.0.113.1 public.test' >>hosts
	unshare -rm mount --bind hosts /etc/hosts 2>/dev/null || skip 'no namespaces here'
	while read -r -u 9 address name; do
		[ "$name" != public.test ] || continue
		fails_with 76 unshare -rm sh -c 'mount --bind hosts /etc/hosts; exec cs-fetch "$@"' sh -q \
			"$PLAYGROUND/array?_fault=redirect:http://$name:9/y" --records .data --allow-host "$name" || { echo "$address"; return 1; }
		contains "$stderr" 'the name leads to'
	done 9<hosts
	# Others are asked: in a network of our own, where nobody answers.
	succeeds unshare -rmn sh -c 'mount --bind hosts /etc/hosts && ip link set lo up && ip addr add 203.0.113.1/32 dev lo || exit 99
		mkdir own && printf "HTTP/1.1 302 Found\r\nLocation: http://public.test:9/\r\nContent-Length: 0\r\n\r\n" >own/else
		perl "$ROOT/tests/canned.pl" own & pid=$!
		until [ -s own/port ]; do sleep 0.02; done
		cs-fetch -q --retries 0 http://127.0.0.1:$(cat own/port)/ --allow-host public.test; r=$?
		kill $pid
		[ $r -eq 75 ]'
}

@test "redirects end after five, and are for GET" {
	need perl
	start_canned
	answer else 302 '' 'Location: /again'
	fails_with 76 cs-fetch "$SERVER/x"
	contains "$stderr" 'more than 5 redirects'
	equals "$(requests | wc -l)" 6
	fails_with 69 cs-fetch "$SERVER/x" -X POST
}
