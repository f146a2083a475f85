#!/usr/bin/env bats
# cs-fetch: where cursors come from and go to: bodies, headers, keys of records; GraphQL and OData.

load lib
load canned

setup_file() {
	need perl jq
}

setup() {
	start_in_tmpdir
	start_canned
}

teardown() {
	stop_canned
}

paths() {
	requests | cut -d' ' -f2 | tr '\n' ' '
}

bodies() {
	sed -n 's/^BODY //p' "$CANNED/log"
}

values() {
	records <<<"$output" | jq -r '.id // .value' | tr '\n' ' '
}

@test "0, \"0\", false, null and \"\" are no cursor" {
	local n=0 none
	for none in 0 '"0"' false null '""' '{}'; do
		reply $((n += 1)) '{"d":[1],"n":"a"}'
		reply $((n += 1)) "{\"d\":[2],\"n\":$none}"
		succeeds cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n
		equals "$(values)" '1 2 '
	done
	# But where the server says that there is more, it is an error.
	reply $((n += 1)) '{"d":[1],"n":0,"m":true}'
	fails_with 76 cs-fetch "$SERVER/x" --records .d --paginate cursor --cursor-path .n --has-more .m
	contains "$stderr" 'says there is more, but not how'
}

@test "a cursor in the body: nested, of any kind, beside what the body had" {
	local all=("$SERVER/x" --records .d --paginate cursor --cursor-path .n)
	reply 1 '{"d":[1],"n":"a\"b"}'
	reply 2 '{"d":[2],"n":12345678901234567890}'
	reply 3 '{"d":[3],"n":{"k":{"S":"x"},"t":1.50}}'
	reply 4 '{"d":[4],"n":["z",7]}'
	reply 5 '{"d":[5],"n":null}'
	succeeds cs-fetch "${all[@]}" --json '{"q":{"a":1,"page":null},"z":[1.0]}' --cursor-param body:.q.page.after
	equals "$(values)" '1 2 3 4 5 '
	equals "$(bodies)" '{"q":{"a":1,"page":null},"z":[1.0]}
{"q":{"a":1,"page":{"after":"a\"b"}},"z":[1.0]}
{"q":{"a":1,"page":{"after":12345678901234567890}},"z":[1.0]}
{"q":{"a":1,"page":{"after":{"k":{"S":"x"},"t":1.50}}},"z":[1.0]}
{"q":{"a":1,"page":{"after":["z",7]}},"z":[1.0]}'
	equals "$(requests | cut -d' ' -f1 | sort -u)" POST
	# Without a body of one's own; and the members of an object into its root.
	reply 6 '{"d":[1],"n":{"a":1,"b":{"c":2}}}'
	reply 7 '{"d":[2]}'
	succeeds cs-fetch "${all[@]}" --cursor-param body:. --page-size 5 --limit-param body:limit
	equals "$(bodies | tail -n 2)" '{"limit":5}
{"limit":5,"a":1,"b":{"c":2}}'
	reply 8 '{"d":[1],"n":"a"}'
	fails_with 65 cs-fetch "${all[@]}" --json '{"q":[]}' --cursor-param body:.q.after
	contains "$stderr" 'is no object'
	fails_with 64 cs-fetch "${all[@]}" --json '[]' --cursor-param body:after
	fails_with 64 cs-fetch "${all[@]}" --form a=b --cursor-param body:after
	fails_with 64 cs-fetch "${all[@]}" --cursor-param 'body:.a[]'
	fails_with 64 cs-fetch "${all[@]}" --cursor-param 'header:a b'
}

@test "limit, offset and page in body and header" {
	reply 1 '{"d":[1,2],"t":3}'
	reply 2 '{"d":[2,3],"t":3}'
	succeeds cs-fetch "$SERVER/x" --records .d --total .t --paginate offset --page-size 2 --json '{"p":{}}' \
		--limit-param body:.p.size --offset-param body:.p.from
	equals "$(bodies)" '{"p":{"size":2,"from":0}}
{"p":{"size":2,"from":1}}'
	reply 3 '[1,2]'
	reply 4 '[3]'
	succeeds cs-fetch "$SERVER/x" --paginate page --page-size 2 --stop-on short -H 'X-Page: none' \
		--limit-param header:X-Per-Page --page-param header:X-Page
	equals "$(grep -i '^x-p' "$CANNED/log" | tr '\n' ,)" 'X-Per-Page: 2,X-Page: 1,X-Per-Page: 2,X-Page: 2,'
}

@test "the members of an object into the header, and none that forges a field" {
	local all=("$SERVER/x" --records .d --paginate cursor --cursor-path .n --cursor-param header:X)
	reply 1 '{"d":[1],"n":{"X-A":"1","X-B":2}}'
	reply 2 '{"d":[2]}'
	succeeds cs-fetch "${all[@]}"
	equals "$(grep '^X-' "$CANNED/log" | tr '\n' ,)" 'X-A: 1,X-B: 2,'
	reply 3 '{"d":[1],"n":{"X-A":"1\r\nX-Evil: 1"}}'
	fails_with 65 cs-fetch "${all[@]}"
	reply 4 '{"d":[1],"n":{"X-A: 1\r\nX-Evil":"1"}}'
	fails_with 65 cs-fetch "${all[@]}"
}

@test "--cursor-replaces: a page token that stands for the other parameters" {
	local all=("$SERVER/x?q=1&s=2" --query t=3 --records .d --paginate cursor --cursor-path .n)
	reply 1 '{"d":[1],"n":"a"}'
	reply 2 '{"d":[2]}'
	succeeds cs-fetch "${all[@]}" --cursor-replaces q --cursor-replaces t
	equals "$(paths)" '/x?q=1&s=2&t=3 /x?s=2&cursor=a '
	reply 3 '{"d":[1],"n":"a"}'
	reply 4 '{"d":[2]}'
	succeeds cs-fetch "${all[@]}" --cursor-replaces '*'
	equals "$(requests | tail -n 1)" 'GET /x?cursor=a HTTP/1.1'
}

# keyset_server WAY RECORD…: pages of 3 by ?after=KEY, WAY ge or gt, of records KEY:ID in order.
keyset_server() {
	cat >server.pl <<-'END'
		use IO::Socket::INET;
		my ($way, $size, @all) = @ARGV;
		my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => '127.0.0.1') or die;
		open my $p, '>', 'port.new'; print $p $s->sockport; close $p; rename 'port.new', 'port';
		alarm 60;
		while (my $c = $s->accept) {
			my $line = <$c>;
			while (<$c> =~ /\S/) { }
			my $after = $line =~ /after=(\d+)/ ? $1 : undef;
			open my $l, '>>', 'asked'; print $l defined $after ? "$after " : '- '; close $l;
			my @r = grep { my $k = (split /:/)[0]; !defined $after || $k > $after || ($k == $after && $way eq 'ge') } @all;
			splice @r, $size if @r > $size;
			my $b = '{"d":[' . join(',', map { /(\d+):(\w+)/; "{\"k\":$1,\"id\":\"$2\"}" } @r) . '],"t":' . @all . '}';
			print $c "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " . length($b) . "\r\n\r\n$b";
			close $c;
		}
	END
	rm -f port asked
	perl server.pl "$@" </dev/null >perl.out 2>&1 3>&- &
	KEYSET_PID=$!
	for ((i = 0; i < 200; i++)); do [ -s port ] && break; sleep 0.02; done
	KEYSET=(cs-fetch "http://127.0.0.1:$(cat port)/x" --records .d --paginate keyset --keyset .k --keyset-param after)
}

keyset_end() {
	kill "$KEYSET_PID"
	wait "$KEYSET_PID" 2>/dev/null || :
}

@test "keyset: nothing lost and nothing doubled, whether the server means > or >=, with ties over the page's edge" {
	local way list want
	for way in gt ge; do
		for list in '1:a 2:b 3:c 4:d 5:e 6:f 7:g' '1:a 2:b 3:c 3:d 4:e 4:f 5:g' '1:a 1:b 2:c 2:d 3:e 3:f 3:g' '1:a' '1:a 2:b' '5:a 5:b 6:c' '5:a 5:b 5:c'; do
			# shellcheck disable=SC2086
			keyset_server $way 4 $list
			succeeds "${KEYSET[@]}" --page-size 4 --total .t
			want=$(sed 's/[0-9]*://g' <<<"$list")
			equals "$(values)" "$want " || { echo "$way $list: asked $(cat asked)"; return 1; }
			keyset_end
		done
	done
	# One record a page shows nothing of ties; and none at all.
	keyset_server gt 1 1:a 2:b 3:c
	fails_with 76 "${KEYSET[@]}"
	keyset_end
	keyset_server gt 4
	succeeds "${KEYSET[@]}"
	equals "$(values)" ''
	keyset_end
}

@test "keyset: more records of one key than a page holds are an error, not a loss" {
	keyset_server ge 3 1:a 2:b 2:c 2:d 2:e 3:f
	fails_with 76 "${KEYSET[@]}"
	contains "$stderr" 'records of one --keyset .k fill a page, and there may be more of them: say a larger --page-size'
	lacks "$output" '"@cs":"end"'
	keyset_end
	# A server that means larger than would skip them without a word.
	keyset_server gt 3 1:a 2:b 2:c 2:d 2:e 3:f
	fails_with 76 "${KEYSET[@]}"
	keyset_end
	keyset_server gt 3 2:b 2:c 2:d 2:e 3:f
	fails_with 76 "${KEYSET[@]}"
	keyset_end
}

@test "keyset: taken up again where it was, without a record twice" {
	keyset_server ge 3 1:a 2:b 3:c 3:d 4:e 5:f 6:g
	run --separate-stderr "${KEYSET[@]}" --max-pages 2
	equals "$status" 76
	values >first
	local state
	state=$(controls checkpoint <<<"$output" | tail -n 1 | jq -c .state)
	succeeds "${KEYSET[@]}" --state "$state"
	equals "$(cat first)$(values)" 'a b c d e f g '
	keyset_end
}

@test "keyset: objects, a server that heeds no key, a record without one" {
	reply 1 '{"d":[{"a":1,"b":"x"},{"a":2,"b":"y"}]}'
	reply else '{"d":[]}'
	succeeds cs-fetch "$SERVER/x" --records .d --paginate keyset --keyset '{after: .a, tie: .b}' --keyset-param k
	equals "$(paths)" '/x /x?after=1&tie=x /x?after=2&tie=y '
	rm "$CANNED/log"
	reply else '{"d":[{"k":1},{"k":2},{"k":3}]}'
	fails_with 76 cs-fetch "$SERVER/x" --records .d --paginate keyset --keyset .k --keyset-param after
	contains "$stderr" 'a page again that came before'
	fails_with 65 cs-fetch "$SERVER/x" --records .d --paginate keyset --keyset .x --keyset-param after
	contains "$stderr" 'page 1, the last record: --keyset .x: is not there'
	fails_with 64 cs-fetch "$SERVER/x" --records .d --paginate keyset --keyset .x
	fails_with 64 cs-fetch "$SERVER/x" --records .d --paginate keyset --keyset-param x
}

@test "graphql: pageInfo leads on, errors are no page" {
	local all=("$SERVER/graphql" --paginate graphql --page-size 2 --variables '{"org":"x"}'
		--graphql 'query($org: String!, $first: Int, $after: String) { org(login: $org) { repos }}')
	reply 1 '{"data":{"org":{"repos":{"edges":[{"node":{"id":1}},{"node":{"id":2}}],"pageInfo":{"endCursor":"Y3","hasNextPage":true}}}}}'
	reply 2 '{"data":{"org":{"repos":{"edges":[{"node":{"id":3}}],"pageInfo":{"endCursor":"Y4","hasNextPage":false}}}}}'
	succeeds cs-fetch "${all[@]}" --records '.data.org.repos.edges[].node'
	equals "$(values)" '1 2 3 '
	equals "$(bodies | jq -c .variables | tr '\n' ' ')" '{"org":"x","first":2} {"org":"x","first":2,"after":"Y3"} '
	contains "$(bodies)" '^\{"query":"query\(\$org: String!, '
	reply 3 '{"data":{"org":{"repos":{"nodes":[1],"pageInfo":{"endCursor":null,"hasNextPage":false}}}},"errors":[{"message":"half of it"}]}'
	fails_with 65 cs-fetch "${all[@]}" --records .data.org.repos.nodes
	contains "$stderr" 'the answer has errors: .*half of it'
	equals "$(records <<<"$output")" ''
	reply 4 '{"data":null,"errors":[{"message":"no such field"}]}'
	fails_with 65 cs-fetch "${all[@]}" --records .data.org.repos.nodes
	contains "$stderr" 'no such field'
	reply 5 '{"data":{"org":{"repos":{"nodes":[1]}}}}'
	fails_with 65 cs-fetch "${all[@]}" --records .data.org.repos.nodes
	# It is a query: a 503 is no reason to give up.
	answer 6 503 '{}' 'Retry-After: 0'
	reply 7 '{"data":{"org":{"repos":{"nodes":[{"id":9}],"pageInfo":{"endCursor":null,"hasNextPage":false}}}}}'
	succeeds cs-fetch "${all[@]}" --records .data.org.repos.nodes
	equals "$(values)" '9 '
	# One page, or by a cursor of one's own, is no other answer.
	reply 8 '{"data":{"a":[1]},"errors":[{"message":"half of it"}]}'
	fails_with 65 cs-fetch "$SERVER/x" --graphql '{a}' --records .data.a
	contains "$stderr" 'the answer has errors: .*half of it'
	reply 9 '{"data":{"a":[1],"n":null},"errors":[]}'
	succeeds cs-fetch "$SERVER/x" --graphql '{a}' --records .data.a --paginate cursor --cursor-path .data.n
	fails_with 64 cs-fetch "${all[@]}"
	fails_with 64 cs-fetch "$SERVER/x" --variables '{}' --records .x --paginate graphql
	fails_with 64 cs-fetch "${all[@]}" --records .x --json '{}'
}

@test "odata: nextLink of versions 4, 3 and 2; the count is checked when it is there" {
	reply 1 '{"@odata.count":3,"value":[1,2],"@odata.nextLink":"x?$skiptoken=2"}'
	reply 2 '{"value":[3]}'
	succeeds cs-fetch "$SERVER/s/x?\$count=true" --paginate odata --page-size 2
	equals "$(values)" '1 2 3 '
	equals "$(paths)" '/s/x?$count=true /s/x?$skiptoken=2 '
	contains "$(cat "$CANNED/log")" '^Prefer: odata.maxpagesize=2$'
	reply 3 '{"@odata.count":3,"value":[1,2]}'
	fails_with 76 cs-fetch "$SERVER/x" --paginate odata
	contains "$stderr" 'there are 3 records, but 2 came'
	reply 4 '{"@odata.count":3,"value":[1,2]}'
	succeeds cs-fetch "$SERVER/x?\$top=2" --paginate odata
	reply 5 "{\"d\":{\"__count\":\"2\",\"results\":[1],\"__next\":\"$SERVER/y\"}}"
	reply 6 '{"d":{"results":[2]}}'
	succeeds cs-fetch "$SERVER/x" --paginate odata --records .d.results
	equals "$(values)" '1 2 '
	reply 7 '{"odata.count":"2","value":[1],"odata.nextLink":"y"}'
	reply 8 '{"value":[2]}'
	succeeds cs-fetch "$SERVER/x" --paginate odata
	equals "$(values)" '1 2 '
}
