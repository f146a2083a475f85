#!/usr/bin/env bats
# The playground API: what it promises to the tests that fetch from it.

# The dollars are those of $limit and of jq.
# shellcheck disable=SC2016
load lib

playground=$BUILD/playground
token=bearer-3f9c1d

# start NAME [option]...: a server of its own; its address goes to $dir/NAME.url
start() {
	local name=$1
	shift
	PLAYGROUND_TOKEN=$token "$playground" --port 0 --port-file "$dir/$name.port" --for 120 "$@" \
		>"$dir/$name.out" 2>"$dir/$name.err" 3>&- &
	echo $! >"$dir/$name.pid"
	for _ in $(seq 100); do
		[ -s "$dir/$name.port" ] && break
		sleep 0.05
	done
	echo "http://127.0.0.1:$(cat "$dir/$name.port")" >"$dir/$name.url"
}

stop() {
	local pid
	pid=$(cat "$dir/$1.pid")
	kill "$pid"
	wait "$pid"
}

setup_file() {
	export dir=$BATS_FILE_TMPDIR
	start main --log "$dir/main.log"
	url=$(cat "$dir/main.url")
	export url
}

teardown_file() {
	stop main
}

setup() {
	start_in_tmpdir
	get -X POST "$url/_reset" >/dev/null
}

get() {
	curl -sS -g --noproxy '*' --max-time 20 "$@"
}

# The same, with the bearer token.
api() {
	get -H "Authorization: Bearer $token" "$@"
}

status() {
	get -o /dev/null -w '%{http_code}' "$@"
}

credential() {
	sed -n "s/^$1 *//p" "$dir/main.out"
}

# q FILTER: stdin satisfies the jq filter
q() {
	jq -e "$@" >/dev/null
}

@test "help, version and mistakes" {
	run -0 "$playground" --help
	[[ $output == usage:* && $output == *"/pagination/keyset"* && $output == *"cut-chunked"* ]]
	run -0 "$playground" --version
	[[ $output == "playground "*libmicrohttpd* ]]
	run -64 "$playground" --users many
	[[ $output == *"--users: many is not an integer"* ]]
	run -64 "$playground" --refill 5/h
	run -64 "$playground" surplus
	run -64 "$playground" --nonsense
}

@test "every long option is in the help text" {
	"$playground" --help >"$BATS_TEST_TMPDIR/help"
	sed -n 's/^ *{"\([a-z-]*\)", .*_argument.*/\1/p' "$BATS_TEST_DIRNAME/playground/main.c" >"$BATS_TEST_TMPDIR/options"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/options")" -gt 15 ]
	while read -r option; do
		grep -q -e "--$option" "$BATS_TEST_TMPDIR/help" || { echo "$option" && false; }
	done
}

@test "a port in use is a one-line error" {
	run -74 "$playground" --port "$(cat "$dir/main.port")" --quiet
	[[ ${#lines[@]} -eq 1 && $output == *"cannot listen"* ]]
}

@test "it ends by itself after --for, with status 0, and SIGTERM ends it too" {
	run -0 timeout 10 "$playground" --port 0 --quiet --for 1
	[ -z "$output" ]
	start ended
	stop ended
}

@test "it ends with its parent" {
	sh -c '"$1" --port 0 --quiet --for 60 --port-file "$2/orphan.port" 3>&- & echo $! >"$2/orphan.pid"
		while ! [ -s "$2/orphan.port" ]; do sleep 0.05; done' sh "$playground" "$BATS_TEST_TMPDIR"
	for _ in $(seq 100); do
		kill -0 "$(cat "$BATS_TEST_TMPDIR/orphan.pid")" 2>/dev/null || return 0
		sleep 0.05
	done
	false
}

@test "a token file gives the token, and neither it nor the environment's is printed" {
	echo file-token-77 >"$BATS_TEST_TMPDIR/t"
	start filed --token-file "$BATS_TEST_TMPDIR/t"
	[ "$(status -H 'Authorization: Bearer file-token-77' "$(cat "$dir/filed.url")/api/token-info")" = 200 ]
	stop filed
	run -1 grep file-token-77 "$dir/filed.out"
	run -1 grep "$token" "$dir/main.out"
	grep -q '^url  *http://127.0.0.1:' "$dir/main.out"
}

@test "the same seed gives the same records; another seed gives others" {
	start twin
	start other --seed 2
	for path in /api/people '/seed/api/job-roles?$limit=250' /array; do
		api "$url$path" >"$BATS_TEST_TMPDIR/a"
		api "$(cat "$dir/twin.url")$path" | cmp - "$BATS_TEST_TMPDIR/a"
		run -1 cmp -s <(api "$(cat "$dir/other.url")$path") "$BATS_TEST_TMPDIR/a"
	done
	stop twin
	stop other
}

@test "bearer, basic and apiKey: twenty users, sorted keys over many lines; HTML otherwise" {
	basic=$(credential 'basic user'):$(credential 'basic password')
	api "$url/auth/http_bearer" >"$BATS_TEST_TMPDIR/a"
	q '.data | length == 20' <"$BATS_TEST_TMPDIR/a"
	q '.data[0] | keys_unsorted == ["address","company","createdAt","email","id","job","name","updatedAt"]' \
		<"$BATS_TEST_TMPDIR/a"
	q '.data[0].address | contains("\n")' <"$BATS_TEST_TMPDIR/a"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/a")" -gt 200 ]
	get -u "$basic" "$url/auth/http_basic" | cmp - "$BATS_TEST_TMPDIR/a"
	get -H "Authorization: apiKey $(credential 'api key')" "$url/auth/api_key" | cmp - "$BATS_TEST_TMPDIR/a"
	for path in http_bearer http_basic api_key; do
		run -0 get -i -H "Authorization: bearer $token" "$url/auth/$path"
		[[ $output == "HTTP/1.1 401"*"Content-Type: text/html"*"<!doctype html>"* ]]
		[[ $output != *WWW-Authenticate* ]]
	done
}

@test "X-Api-Key and api_key" {
	key=$(credential 'api key')
	get -H "X-Api-Key: $key" "$url/auth/header" | q '.data | length == 20'
	get "$url/auth/query?api_key=$key" | q '.data | length == 20'
	[ "$(status -H 'X-Api-Key: no' "$url/auth/header")" = 401 ]
	[ "$(status "$url/auth/query?api_key=no")" = 401 ]
}

@test "session login" {
	user=$(credential 'session user') password=$(credential 'session password')
	session=$(get --json "{\"username\":\"$user\",\"password\":\"$password\"}" "$url/auth/session_token/login" |
		jq -r .token)
	[ "$session" = "$(printf '%s:%s' "$user" "$password" | base64 -w0)" ]
	data=$url/auth/session_token/data
	get -H "Authorization: Token $session" "$data" | q '.data | length == 20'
	get -H "Authorization: $session" "$data" | q '.data | length == 20'
	[ "$(status "$data")" = 400 ]
	[ "$(status -H 'Authorization: Token !' "$data")" = 400 ]
	get -H "Authorization: Token $(printf 'a:b' | base64)" -w '%{http_code}' "$data" | grep -q '^401$'
	[ "$(status --json '{"username":"x"}' "$url/auth/session_token/login")" = 400 ]
	[ "$(status --json '{"username":"x","password":"y"}' "$url/auth/session_token/login")" = 401 ]
}

@test "next_page_url: absolute, with all parameters, null at the end" {
	next="$url/pagination/next_page_url?per_page=50&order_by=createdAt&updated_since=0001-01-01T00:00:00Z"
	for page in 1 2 3 4; do
		get "$next" >"$BATS_TEST_TMPDIR/$page"
		next=$(jq -r .next_page_url "$BATS_TEST_TMPDIR/$page")
	done
	[ "$next" = null ]
	q 'keys_unsorted == ["data","total_items","page","per_page","next_page_url"] and .page == 1' \
		<"$BATS_TEST_TMPDIR/1"
	[[ $(jq -r .next_page_url "$BATS_TEST_TMPDIR/1") == \
		"$url/pagination/next_page_url?order_by=createdAt&order_type=asc&per_page=50&page=2&updated_since=0001-01-01T00%3A00%3A00Z" ]]
	[ "$(cat "$BATS_TEST_TMPDIR"/[1-4] | jq -r '.data[].id' | sort -u | wc -l)" = 200 ]
	get "$url/pagination/relative_next" | q '.next_page_url | startswith("relative_next?")'
	get "$url/pagination/next_page_url?page=99" | q '.data == [] and .next_page_url == null'
}

@test "page_number, offset, cursor and link deliver everything once" {
	get "$url/pagination/page_number?per_page=50&page=4" |
		q '.page_size == 50 and .total_pages == 4 and .total_items == 200 and (.data | length) == 50'
	get "$url/pagination/offset?limit=50&offset=170" |
		q 'keys_unsorted == ["data","offset","limit","total"] and (.data | length) == 30 and .total == 200'
	get "$url/pagination/cursor?limit=50" >"$BATS_TEST_TMPDIR/1"
	q '.meta.has_more and (.data | length) == 50' <"$BATS_TEST_TMPDIR/1"
	cursor=$(jq -r .meta.next_cursor "$BATS_TEST_TMPDIR/1")
	get "$url/pagination/cursor?limit=50" --data-urlencode "cursor=$cursor" -G >"$BATS_TEST_TMPDIR/2"
	[ "$(jq -r '.data[].id' "$BATS_TEST_TMPDIR"/[12] | sort -u | wc -l)" = 100 ]
	run -0 get -D - "$url/pagination/link?per_page=50&page=3"
	[[ $output == *"Link: <$url/pagination/link?"*"page=4>; rel=\"next\""* ]]
	run -0 get -D - -o /dev/null "$url/pagination/link?per_page=50&page=4"
	[[ $output != *'rel="next"'* ]]
	get "$url/pagination/link" | q 'type == "array"'
}

@test "keyset loses the row that shares its second with a page's last" {
	keyset() {
		param=
		while
			get "$1/pagination/keyset$param" >"$BATS_TEST_TMPDIR/k"
			jq -r '.data[].id' "$BATS_TEST_TMPDIR/k"
			scroll=$(jq -r .scroll_param "$BATS_TEST_TMPDIR/k")
			[ "$scroll" != null ]
		do
			param="?scroll_param=${scroll//=/%3D}"
		done
	}
	[ "$(keyset "$url" | sort -u | wc -l)" = 199 ]
	start untied --no-ties
	[ "$(keyset "$(cat "$dir/untied.url")" | sort -u | wc -l)" = 200 ]
	stop untied
	[ "$(status "$url/pagination/keyset?updated_since=2026-01-01T00:00:00Z&scroll_param=eA==")" = 400 ]
	[ "$(status "$url/pagination/keyset?scroll_param=eA==")" = 400 ]
}

@test "updated_since is inclusive and strict in form; order_by and order_type order" {
	since=$(get "$url/pagination/offset?offset=160&limit=1" | jq -r '.data[0].updatedAt')
	get "$url/pagination/offset?updated_since=$since" | q --arg s "$since" '.total == 40 and .data[0].updatedAt == $s'
	for bad in 2026-01-01 2026-01-01T00:00:00 2026-01-01T00:00:00.0Z 2026-01-01T00:00:00%2B00:00 2026-02-30T00:00:00Z; do
		get "$url/pagination/offset?updated_since=$bad" | q '.error | contains("updated_since")'
	done
	get "$url/pagination/offset?limit=50&order_type=desc&order_by=createdAt" |
		q '[.data[].createdAt] | . == (sort | reverse)'
}

@test "parameters that are not known or not in range are 400 with an error" {
	for query in 'next_page_url?limit=1' 'offset?page=1' 'offset?limit=51' 'offset?limit=0' 'offset?offset=-1' \
		'page_number?page=0' 'page_number?per_page=x' 'offset?order_by=id' 'offset?order_type=up' \
		'keyset?limit=5' 'cursor?cursor=zzz'; do
		get -w '\n%{http_code}' "$url/pagination/$query" >"$BATS_TEST_TMPDIR/a"
		[ "$(tail -n 1 "$BATS_TEST_TMPDIR/a")" = 400 ]
		head -n 1 "$BATS_TEST_TMPDIR/a" | q '.error | type == "string"'
	done
	api -o /dev/null -w '%{http_code}' "$url/auth/http_bearer?x=1" | grep -q 400
}

@test "the order of one call stays for /auth" {
	api "$url/auth/http_bearer" | jq -r '.data[0].id' >"$BATS_TEST_TMPDIR/a"
	last=$(get "$url/pagination/offset?order_type=desc&limit=1" | jq -r '.data[0].id')
	[ "$(api "$url/auth/http_bearer" | jq -r '.data[0].id')" = "$last" ]
	[ "$(cat "$BATS_TEST_TMPDIR/a")" != "$last" ]
}

@test "csv, array, ndjson, incremental" {
	get -D "$BATS_TEST_TMPDIR/h" "$url/export/csv" >"$BATS_TEST_TMPDIR/csv"
	grep -qi '^content-type: text/csv' "$BATS_TEST_TMPDIR/h"
	grep -qi '^content-disposition: attachment' "$BATS_TEST_TMPDIR/h"
	[ "$(head -n 1 "$BATS_TEST_TMPDIR/csv")" = id,name,email,address,company,job,createdAt,updatedAt ]
	[ "$(awk -F, 'NF == 8' "$BATS_TEST_TMPDIR/csv" | wc -l)" = 201 ]
	get "$url/array" | q 'length == 200'
	[ "$(get "$url/ndjson" | jq -r .id | sort -u | wc -l)" = 200 ]
	since=$(get "$url/pagination/offset?offset=150&limit=1" | jq -r '.data[0].updatedAt')
	get "$url/incremental/timestamp?since=$since" |
		q --arg s "$since" '(.data | length) < 50 and all(.data[]; .updatedAt > $s)'
	get "$url/incremental/step?start_id=11&end_id=20" | q '[.data[].id] == [range(11; 21)]'
	get "$url/incremental/step?start_id=201&end_id=300" | q '.data == []'
	[ "$(status "$url/incremental/step?start_id=1")" = 400 ]
}

@test "companies and departments change as they are read" {
	get "$url/cursors/companies" | q '.total_items == 2 and (.data | map(.company_id) | sort) == [1,2]'
	get "$url/cursors/2/departments" |
		q '.total_items == 4 and ([.data[].department_id] | sort) == [1,2,3,4] and .data[0].company_id == 2'
	[ "$(status "$url/cursors/9/departments")" = 404 ]
	[ "$(status "$url/cursors/x/departments")" = 400 ]
	before=$(get "$url/cursors/1/departments" | jq -c .)
	for _ in 1 2 3 4 5 6; do get "$url/cursors/1/departments" >"$BATS_TEST_TMPDIR/a"; done
	[ "$(jq -c . "$BATS_TEST_TMPDIR/a")" != "$before" ]
	get -X POST "$url/_reset" >/dev/null
	get "$url/cursors/companies" >/dev/null
	get "$url/cursors/2/departments" >/dev/null
	[ "$(get "$url/cursors/1/departments" | jq -c .)" = "$before" ]
}

@test "humaans: envelope, limits, errors, single records" {
	api "$url/api/people?\$limit=250" |
		q 'keys_unsorted == ["total","limit","skip","data"] and .total == 321 and (.data | length) == 250'
	api "$url/api/people?%24limit=250&%24skip=250" | q '.skip == 250 and (.data | length) == 71'
	api "$url/api/job-roles" | q '.limit == 100 and (.data | length) == 100'
	api "$url/api/job-roles?\$skip=750" | q '.data == []'
	api "$url/api/people?\$limit=251" -w '%{http_code}' | grep -q '"BadRequest".*400$'
	api "$url/api/people?limit=2" | q '.code == "BadRequest"'
	get "$url/api/people" -w '%{http_code}' | grep -q '"NotAuthenticated".*401$'
	[ "$(status -H "Authorization: bearer $token" "$url/api/people")" = 401 ]
	id=$(api "$url/api/documents?\$skip=7&\$limit=1" | jq -r '.data[0].id')
	[ ${#id} = 24 ]
	api "$url/api/documents/$id" | q --arg id "$id" '.id == $id and has("documentTypeId")'
	api "$url/seed/api/documents/$id" | q --arg id "$id" '.id == $id and has("mimeType")'
	api "$url/api/people/$id" | q '.code == "NotFound"'
	api "$url/api/nothing" | q '.code == "NotFound"'
	api "$url/api/token-info" | q '.scopes | index("documents:read")'
}

@test "humaans: filters and order" {
	api "$url/api/documents?\$limit=250" | q '[.data[].updatedAt] | . != sort and . != (sort | reverse)'
	api "$url/api/documents?\$limit=250&\$sort[updatedAt]=1" >"$BATS_TEST_TMPDIR/a"
	q '[.data[].updatedAt] | . == sort' <"$BATS_TEST_TMPDIR/a"
	api "$url/api/documents?%24limit=250&%24sort%5BupdatedAt%5D=-1" | q '[.data[].updatedAt] | . == (sort | reverse)'
	api "$url/api/documents?\$limit=250&\$sort[createdAt]=1" | q '[.data[].createdAt] | . == sort'
	api "$url/api/documents?\$limit=250&\$sort[updatedAt]=1&\$sort[id]=-1" |
		q '.data | . == (sort_by(.id) | reverse | sort_by(.updatedAt))'
	api "$url/api/documents?\$limit=250&\$sort[id]=1" | q '[.data[].id] | . == sort'
	q '.data[99].updatedAt == .data[100].updatedAt' <"$BATS_TEST_TMPDIR/a"
	at=$(jq -r '.data[100].updatedAt' "$BATS_TEST_TMPDIR/a")
	gte=$(api "$url/api/documents?updatedAt[\$gte]=$at" | jq .total)
	gt=$(api "$url/api/documents?updatedAt%5B%24gt%5D=$at" | jq .total)
	lt=$(api "$url/api/documents?updatedAt[\$lt]=$at" | jq .total)
	lte=$(api "$url/api/documents?updatedAt[\$lte]=${at%Z}%2B00:00" | jq .total)
	[ $((gte + lt)) = 1200 ] && [ $((gt + lte)) = 1200 ] && [ $((gte - gt)) = 7 ]
	api "$url/api/documents?updatedAt[\$gte]=soon" | q '.code == "BadRequest"'
	api "$url/api/people?status=newHire" | q '.total > 0 and .total < 321 and all(.data[]; .status == "newHire")'
}

@test "humaans: the traps are in the records" {
	all() {
		api "$url$1?\$limit=250" | jq -c '.data[]'
	}
	all /seed/api/companies | jq -es 'any(.[]; has("address") and .address == null) and any(.[]; has("address") | not)
		and any(.[]; .address.line2? | strings | contains("\n"))' >/dev/null
	all /seed/api/job-roles | jq -es 'any(.[]; has("salaryRange") and .salaryRange == null)
		and any(.[]; has("salaryRange") | not) and any(.[]; .salaryRange.max? | numbers | . != floor)
		and any(.[]; has("requirements") and .requirements == null) and any(.[]; has("isActive") | not)' >/dev/null
	all /seed/api/documents | jq -es 'any(.[]; has("tags") and .tags == null) and any(.[]; has("tags") | not)
		and any(.[]; .tags[]? | contains("\"")) and any(.[]; .name | test("[^\\x00-\\x7f]"))' >/dev/null
	api "$url/api/people?\$limit=250" | grep -q '"payrollId":900719925474[0-9]*[13579],'
	seed=$(all /seed/api/job-roles | jq -rs 'map(keys) | add | unique | join(" ")')
	[ "$seed" = "benefits createdAt department description employmentType id isActive location name requirements responsibilities salaryRange updatedAt" ]
}

@test "_change, _insert, _delete: the records named, and no others" {
	sorted="$url/seed/api/documents?\$limit=250&\$sort[updatedAt]=-1"
	newest=$(api "$sorted" | jq -r '.data[0].updatedAt')
	ids=$(get -X POST "$url/_change?resource=documents&count=5" | jq -c '.ids | sort')
	api "$url/seed/api/documents?updatedAt[\$gt]=$newest" |
		q --argjson ids "$ids" '.total == 5 and ([.data[].id] | sort) == $ids and all(.data[]; .name | contains("(rev 1)"))'
	api "$url/api/documents?updatedAt[\$gt]=$newest" | q --argjson ids "$ids" '([.data[].id] | sort) == $ids'
	newest=$(api "$sorted" | jq -r '.data[0].updatedAt')
	same=$(get -X POST "$url/_change?resource=documents&same=1" | jq -r '.ids[0]')
	api "$url/api/documents/$same" | q --arg t "$newest" '.updatedAt == $t'
	new=$(get -X POST "$url/_insert?resource=documents&count=2" | jq -r '.ids[0]')
	api "$sorted" | q '.total == 1202'
	api "$url/api/documents/$new" | q --arg t "$newest" '.createdAt > $t'
	gone=$(get -X POST "$url/_delete?resource=documents&count=3" | jq -r '.ids[0]')
	api "$sorted" | q '.total == 1199'
	api "$url/api/documents/$gone" | q '.code == "NotFound"'
	get -X POST "$url/_change?resource=users&count=2" | q '.ids | length == 2'
	[ "$(get "$url/array" | jq '[.[] | select(.job | contains("(rev 1)"))] | length')" = 2 ]
	get -X POST "$url/_reset" >/dev/null
	api "$sorted" | q '.total == 1200'
	get -X POST "$url/_change?resource=things" | q .error
	get -X POST "$url/_change?resource=users&count=0" | q .error
}

# fault SPEC [curl option]...: the first five job roles with that fault
fault() {
	api "$url/seed/api/job-roles?\$limit=5&_fault=$1" "${@:2}"
}

@test "faults of the page" {
	fault cap:2 | q '.limit == 2 and (.data | length) == 2 and .total == 750'
	fault cap-hidden:2 | q '.limit == 5 and (.data | length) == 2'
	fault big-page | q '.data | length == 750'
	fault big-page:7 | q '.data | length == 7'
	fault dup-record | q '.data[0] == .data[1] and (.data | length) == 6'
	fault empty-page | q '.data == [] and .total == 750'
	fault total:9 | q '.total == 9'
	fault envelope | q 'has("data") | not'
	fault data-null | q 'has("data") and .data == null'
	fault data-object | q '.data | type == "object"'
	fault error-200 | q '.errors and .data == null'
	fault html | grep -q '^<!doctype html>'
	fault null-parents | q 'all(.data[]; .salaryRange == null)'
	fault "repeat&\$skip=5" | jq -c .data | cmp - <(api "$url/seed/api/job-roles?\$limit=5" | jq -c .data)
	fault repeat,cap:1 | q '.data | length == 1'
	fault nonsense | q '.error == "unknown fault: nonsense"'
	fault cap:x | q '.error | contains("cap")'
	api -H 'X-Playground-Fault: data-null' "$url/api/people" | q '.data == null'
}

@test "faults of paging: endless, foreign-next" {
	for style in next_page_url cursor keyset; do
		get "$url/pagination/$style?_fault=endless" >"$BATS_TEST_TMPDIR/a"
		q '.next_page_url // .scroll_param // .meta.next_cursor' <"$BATS_TEST_TMPDIR/a"
	done
	next=$(get "$url/pagination/next_page_url?page=3&_fault=endless" | jq -r .next_page_url)
	[ "$(get "$next" | jq -r .next_page_url)" = "$next" ]
	get "$url/pagination/next_page_url?page=99&_fault=endless:advance" |
		q '.data == [] and (.next_page_url | contains("page=100&"))'
	api "$url/api/people?\$skip=9999&_fault=endless" | q '.total > 9999 and (.data | length) == 100'
	get "$url/pagination/next_page_url?_fault=foreign-next:other.example:81" |
		q '.next_page_url | startswith("http://other.example:81/pagination/")'
	get -D - -o /dev/null "$url/pagination/link?_fault=foreign-next:other.example" | grep -q '^Link: <http://other.example/'
}

@test "drift: the list moves under an offset" {
	ids() {
		api "$url/api/job-roles?\$limit=100&\$skip=$1" -H "X-Playground-Fault: $2" | jq -r '.data[].id'
	}
	(ids 0 drift && ids 100 drift) | sort -u >"$BATS_TEST_TMPDIR/a"
	get -X POST "$url/_reset" >/dev/null
	(ids 0 && ids 100) | sort -u >"$BATS_TEST_TMPDIR/b"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/a")" = 200 ]
	[ "$(comm -13 "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" | wc -l)" = 1 ]
	get -X POST "$url/_reset" >/dev/null
	(ids 0 drift:insert && ids 100 drift:insert) >"$BATS_TEST_TMPDIR/a"
	[ "$(sort "$BATS_TEST_TMPDIR/a" | uniq -d | wc -l)" = 1 ]
	fault drift:update >/dev/null
	fault drift:update | q 'any(.data[]; .name | contains("(rev 1)"))'
}

@test "faults of the answer: status, Retry-After, redirect" {
	for code in 400 401 403 404 429 500 502 503 504; do
		[ "$(fault status:$code -o /dev/null -w '%{http_code}')" = $code ]
	done
	[ "$(fault status:429:7 -o /dev/null -w '%header{retry-after}')" = 7 ]
	fault status:503:date -o /dev/null -w '%header{retry-after}' | grep -Eq '^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT$'
	[ -z "$(fault status:429:none -o /dev/null -w '%header{retry-after}')" ]
	[ "$(fault status:429:1.5 -o /dev/null -w '%header{retry-after}')" = 1.5 ]
	[ "$(fault redirect:http://other.example/x -o /dev/null -w '%{http_code} %header{location}')" = "302 http://other.example/x" ]
}

@test "faults on the wire, as curl sees them" {
	whole=$(fault cap:5 | wc -c)
	run -18 fault cut-length -o "$BATS_TEST_TMPDIR/a"
	[ "$(wc -c <"$BATS_TEST_TMPDIR/a")" -lt "$whole" ]
	run -18 fault cut-length:10 -o "$BATS_TEST_TMPDIR/a"
	[ "$(wc -c <"$BATS_TEST_TMPDIR/a")" = 10 ]
	run -18 fault cut-chunked -o /dev/null
	run -18 fault cut-chunked:999999 -o "$BATS_TEST_TMPDIR/a"
	[ "$(wc -c <"$BATS_TEST_TMPDIR/a")" = "$whole" ]
	run -0 fault cut-close -o "$BATS_TEST_TMPDIR/a"
	run ! jq . "$BATS_TEST_TMPDIR/a"
	run -56 fault reset
	run -56 fault reset:300 -o "$BATS_TEST_TMPDIR/a"
	run -28 fault stall:5 --max-time 1 -o "$BATS_TEST_TMPDIR/a"
	[ "$(wc -c <"$BATS_TEST_TMPDIR/a")" = 5 ]
	run -28 fault hang --max-time 1
	[ "$(fault slow:4000 | wc -c)" = "$whole" ]
	fault delay:100 | q .data
	fault slow:1000,gzip --compressed | q .data
}

@test "a stalled client does not hold up the others" {
	local stalled hung
	fault stall >/dev/null 2>&1 3>&- &
	stalled=$!
	fault hang >/dev/null 2>&1 3>&- &
	hung=$!
	for _ in 1 2 3; do fault cap:1 | q .data; done
	kill "$stalled" "$hung"
	wait "$stalled" "$hung" || true
}

@test "faults of gzip and of JSON" {
	fault gzip | gzip -dc | q '.data | length == 5'
	fault gzip:members | gzip -dc | q '.data | length == 5'
	run -1 gzip -t < <(fault cut-gzip)
	run -1 gzip -t < <(fault gzip:crc)
	run -2 gzip -t < <(fault gzip:trailing)
	fault cut-gzip -D - -o /dev/null | grep -qi '^content-encoding: gzip'
	[ "$(fault gzip:bomb | gzip -dc | wc -c)" -gt 67108864 ]
	fault bad-json:nan | grep -q ':NaN,' # which jq takes
	for kind in '' :short :trailing; do
		run ! jq . < <(fault "bad-json$kind")
	done
	fault bad-json:bom | head -c 3 | cmp - <(printf '\357\273\277')
	run -1 iconv -f UTF-8 -t UTF-8 < <(fault bad-json:utf8)
}

@test "armed faults: after, times, path" {
	get -X POST "$url/_fault?path=/api/people&fault=status:429:1&times=2&after=1" | q '.[0].times == 2'
	codes=
	for _ in 1 2 3 4; do
		codes+=" $(api -o /dev/null -w '%{http_code}' "$url/api/people")"
		[ "$(api -o /dev/null -w '%{http_code}' "$url/api/companies")" = 200 ]
	done
	[ "$codes" = " 200 429 429 200" ]
	get -X POST "$url/_fault?fault=html&times=0" >/dev/null
	for _ in 1 2 3; do api "$url/api/people" | grep -q '^<!doctype'; done
	get -X DELETE "$url/_fault" | q '. == []'
	api "$url/api/people" | q .data
	get -X POST "$url/_fault?fault=nonsense" | q .error
	get -X POST "$url/_fault?fault=cap:1&bogus=1" | q .error
}

@test "rate limit: 429 once the bucket is empty" {
	start limited --rate-limit --capacity 3 --refill 1/m --retry-after
	limited=$(cat "$dir/limited.url")
	for _ in 1 2 3; do [ "$(status "$limited/pagination/offset")" = 200 ]; done
	run -0 get -i "$limited/pagination/offset"
	[[ $output == "HTTP/1.1 429"*"Retry-After: "*'{"error":"Rate limit exceeded"}'* ]]
	[ "$(status "$limited/_log")" = 200 ]
	get -X POST "$limited/_reset" >/dev/null
	[ "$(status "$limited/pagination/offset")" = 200 ]
	stop limited
}

@test "the log: one line a request, in the order of requests" {
	api "$url/api/people?%24limit=3&updatedAt%5B%24gte%5D=2026-01-01" "$url/api/people?\$limit=1" -H 'X-Note: "quoted"' >/dev/null
	get "$url/auth/http_bearer" >/dev/null
	fault cap:2 >/dev/null
	fault hang --max-time 1 || true
	get "$url/_log" >"$BATS_TEST_TMPDIR/log"
	jq -es 'length == 5 and map(.n) == [1,2,3,4,5] and map(.status) == [200,200,401,200,0]' "$BATS_TEST_TMPDIR/log"
	jq -es '.[0].path == "/api/people" and .[0].query == {"$limit":"3","updatedAt[$gte]":"2026-01-01"}
		and .[0].raw == "/api/people?%24limit=3&updatedAt%5B%24gte%5D=2026-01-01" and .[0].method == "GET"
		and .[0].auth == "ok" and .[0].records == 3 and .[0].fault == null
		and .[0].headers["x-note"] == "\"quoted\"" and .[0].headers.authorization == "***"
		and .[0].conn == .[1].conn and .[2].auth == "absent" and .[2].conn != .[0].conn
		and .[3].fault == "cap:2" and .[3].records == 2 and .[4].fault == "hang"' "$BATS_TEST_TMPDIR/log"
	tail -n 5 "$dir/main.log" | cmp - "$BATS_TEST_TMPDIR/log"
	get -X DELETE "$url/_log" >/dev/null
	[ -z "$(get "$url/_log")" ]
}

@test "the log holds no secret, right or wrong" {
	key=$(credential 'api key') password=$(credential 'session password')
	basic=$(credential 'basic user'):$(credential 'basic password')
	session=$(printf '%s:%s' "$(credential 'session user')" "$password" | base64 -w0)
	api "$url/auth/http_bearer" >/dev/null
	get -u "$basic" "$url/auth/http_basic" >/dev/null
	get "$url/auth/query?api_key=$key" "$url/auth/query?api_key=wrong-secret" "$url/array?x=$token" >/dev/null
	get -H "X-Api-Key: wrong-secret" -H "X-Other: a$token" -b "c=wrong-secret" "$url/auth/header" >/dev/null
	get --json "{\"username\":\"u\",\"password\":\"$password\"}" "$url/auth/session_token/login" >/dev/null
	get --json "{\"username\":\"u\",\"password\":\"wrong-secret\"}" "$url/auth/session_token/login" >/dev/null
	get -d "username=u&password=wrong-secret" "$url/auth/session_token/login" >/dev/null
	get -H "Authorization: Token $session" "$url/auth/session_token/data" >/dev/null
	get "$url/_log" >"$BATS_TEST_TMPDIR/log"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" = 10 ]
	for secret in "$token" "$key" "$password" "$session" "${basic#*:}" "$(printf %s "$basic" | base64 -w0)" wrong-secret; do
		run -1 grep -F -e "$secret" "$BATS_TEST_TMPDIR/log" "$dir/main.log"
	done
	jq -es 'any(.[]; .body | contains("\"username\":\"u\""))' "$BATS_TEST_TMPDIR/log"
}

@test "a million records start at once, and any page of them is whole" {
	start large --job-roles 1000000
	large=$(cat "$dir/large.url")
	api "$large/seed/api/job-roles?\$limit=250&\$skip=999750&\$sort[updatedAt]=1" |
		q '.total == 1000000 and (.data | length) == 250 and ([.data[].updatedAt] | . == sort)'
	get -X POST "$large/_change?resource=job-roles&count=10" | q '.count == 10'
	api "$large/api/job-roles?updatedAt[\$gt]=2026-01-31T12:00:00Z" | q '.total == 10'
	stop large
}

@test "methods and paths it does not have" {
	[ "$(status -X POST "$url/array")" = 405 ]
	[ "$(status "$url/nothing")" = 404 ]
	[ "$(status -I "$url/array")" = 200 ]
	get "$url/" | grep -q /pagination/keyset
}
