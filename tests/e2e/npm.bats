#!/usr/bin/env bats
# cs-fetch against json-server, PouchDB's CouchDB and Verdaccio: drained, and followed as they change.

load ../lib
load peers

PEERS=$ROOT/build/peers

# node_peer NAME PORT COMMAND…: or skip where the package is absent.
node_peer() {
	[ -d "$PEERS/node_modules/$1" ] || skip "the npm package $1 is not installed"
	start_peer "$@"
}

setup_file() {
	need node jq curl perl
	export PEERS=$ROOT/build/peers
}

teardown() {
	BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR stop_peers
}

setup() {
	start_in_tmpdir
	export BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR
	free_port PORT
	H=http://127.0.0.1:$PORT
	unset CS_STATE
}

ids() {
	records <<<"$output" | jq -r '.id // .package.name' | sort
}

state() {
	controls checkpoint <<<"$output" | tail -n 1 | jq -c .state
}

json_server() {
	jq -n '{posts: [range(1; 96) | {id: ., n: (. * 37 % 95), updatedAt: "2026-01-\(. % 28 + 1 | tostring | if length < 2 then "0" + . else . end)T00:00:00Z"}],
		comments: [range(0; 200) | {id: ., postId: (. % 40 + 1)}]}' >db.json
	node_peer json-server "$PORT" node "$PEERS/node_modules/json-server/lib/cli/bin.js" --host 127.0.0.1 --port "$PORT" --quiet db.json
}

@test "json-server: by offset, page and Link, the total in a header; written to meanwhile" {
	json_server
	local offset=(--paginate offset --offset-param _start --limit-param _limit --page-size 10 --total header:X-Total-Count)
	succeeds cs-fetch "$H/posts" "${offset[@]}"
	equals "$(ids)" "$(seq 1 95 | sort)"
	succeeds cs-fetch "$H/posts" --paginate page --page-param _page --limit-param _limit --page-size 19 --total header:X-Total-Count
	equals "$(ids)" "$(seq 1 95 | sort)"
	succeeds cs-fetch "$H/posts?_page=1&_limit=20" --paginate link
	equals "$(ids)" "$(seq 1 95 | sort)"
	# Rows go and come between the pages.
	(
		for i in 3 7 50 90 4; do
			curl -fsS -X DELETE "$H/posts/$i"
			curl -fsS -X POST "$H/posts" -H 'Content-Type: application/json' -d "{\"id\":$((200 + i))}"
		done
	) >/dev/null 2>&1 3>&- &
	local writer=$!
	succeeds cs-fetch "$H/posts" "${offset[@]}" -q
	wait "$writer" || :
	equals "$(comm -13 <(ids | sort -u) <(seq 1 95 | grep -vxE '3|7|50|90|4' | sort))" ''
}

@test "json-server: the comments of each post, into a database, once" {
	json_server
	sync() {
		cs-state --store sqlite:x.db run comments -- sh -c '
		cs-fetch --stream posts --state null "$H/posts?id_lte=40&_sort=id" --paginate offset \
			--offset-param _start --limit-param _limit --page-size 15 --total header:X-Total-Count |
		cs-fetch --each "$H/posts/{id}/comments" --parent-key post_number=.n |
		cs-load --to sqlite:x.db --table comments --key id'
	}
	export H
	succeeds sync
	equals "$(sql x.db 'SELECT count(*), count(DISTINCT postId), count(post_number) FROM comments')" '200|40|200'
	equals "$(sql x.db "SELECT count(*) FROM _cs_state WHERE stream LIKE 'comments/%'")" 40
	curl -fsS -X POST "$H/comments" -H 'Content-Type: application/json' -d '{"id":900,"postId":7}' >/dev/null
	succeeds sync
	equals "$(sql x.db 'SELECT count(*) FROM comments')" 201
}

@test "json-server: only what changed" {
	json_server
	local all=("$H/posts?_sort=updatedAt" --paginate page --page-param _page --limit-param _limit --page-size 25
		--cursor-field .updatedAt --since-param updatedAt_gte)
	succeeds cs-fetch "${all[@]}"
	equals "$(ids | wc -l)" 95
	CS_STATE=$(state)
	curl -fsS -X PATCH "$H/posts/17" -H 'Content-Type: application/json' -d '{"updatedAt":"2026-02-01T00:00:00Z"}' >/dev/null
	succeeds cs-fetch "${all[@]}" --state "$CS_STATE"
	contains "$(ids | tr '\n' ' ')" '(^| )17 '
	[ "$(ids | wc -l)" -le 5 ]
}

docs() { # FROM TO: into the database
	seq "$1" "$2" | jq -c '{_id: "doc-\(. + 1000)", n: .}' | jq -cs '{docs: .}' |
		curl -fsS -X POST -H 'Content-Type: application/json' "$H/t/_bulk_docs" -d @- >/dev/null
}

couch() {
	[ -d "$PEERS/node_modules/express-pouchdb" ] || skip "the npm package express-pouchdb is not installed"
	start_peer pouchdb "$PORT" node "$ROOT/tests/e2e/pouchdb.js" "$PORT"
	curl -fsS -X PUT "$H/t" >/dev/null
	docs 1 137
}

@test "CouchDB: _all_docs by key" {
	couch
	succeeds cs-fetch "$H/t/_all_docs?include_docs=true" --records .rows --paginate keyset \
		--keyset '.key|tojson' --keyset-param startkey --page-size 20 --total .total_rows
	equals "$(ids)" "$(seq 1001 1137 | sed 's/^/doc-/')"
	succeeds cs-fetch "$H/t/_all_docs" --records .rows --paginate offset --offset-param skip --page-size 30 --total .total_rows
	equals "$(ids | sort -u | wc -l)" 137
}

@test "CouchDB: the feed of changes, from where it was" {
	couch
	local all=("$H/t/_changes?include_docs=true" --records .results --paginate cursor --cursor-path .last_seq
		--cursor-param since --page-size 40 --stop-on empty --state-token .last_seq --state-token-param since)
	succeeds cs-fetch "${all[@]}"
	equals "$(ids)" "$(seq 1001 1137 | sed 's/^/doc-/')"
	CS_STATE=$(state)
	equals "$(jq .token <<<"$CS_STATE")" 137
	docs 138 145
	succeeds cs-fetch "${all[@]}" --state "$CS_STATE"
	equals "$(ids)" "$(seq 1138 1145 | sed 's/^/doc-/')"
	succeeds cs-fetch "${all[@]}" --state "$(state)"
	equals "$(ids)" ''
	equals "$(state | jq .token)" 145
}

@test "Verdaccio: search by offset" {
	[ -d "$PEERS/node_modules/verdaccio" ] || skip "the npm package verdaccio is not installed"
	cat >verdaccio.yaml <<-END
		storage: $PWD/storage
		auth: {}
		uplinks: {}
		packages:
		  '**': { access: \$all, publish: \$all }
		log: { type: file, path: $PWD/log, level: error }
		web: { enable: false }
	END
	start_peer verdaccio "$PORT" node "$PEERS/node_modules/verdaccio/bin/verdaccio" --config verdaccio.yaml --listen "127.0.0.1:$PORT"
	local i name
	for ((i = 10; i < 57; i++)); do
		name=pkg-$i
		jq -n --arg n "$name" --arg h "$H" '{_id: $n, name: $n, "dist-tags": {latest: "1.0.0"}, versions: {"1.0.0": {name: $n,
			version: "1.0.0", dist: {tarball: "\($h)/\($n)/-/\($n)-1.0.0.tgz", shasum: "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"}}},
			_attachments: {"\($n)-1.0.0.tgz": {content_type: "application/octet-stream", data: "aGVsbG8=", length: 5}}}' |
			curl -fsS -X PUT -H 'Content-Type: application/json' "$H/$name" -d @- >/dev/null
	done
	succeeds cs-fetch "$H/-/v1/search?text=pkg" --records .objects --paginate offset --offset-param from --limit-param size --page-size 10
	equals "$(ids | sort -u)" "$(seq 10 56 | sed 's/^/pkg-/')"
}
