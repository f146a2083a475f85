#!/usr/bin/env bats
# cs-state: what is stored, in each kind of store.
# shellcheck disable=SC2030,SC2031 # each store is tried in a subshell
load lib
load postgres

setup_file() {
	start_postgres
}

teardown_file() {
	stop_postgres
}

# In memory where that can be: a thousand synced writes take a minute on some disks.
setup() {
	start_in_tmpdir
	fast=$(mktemp -d /dev/shm/cs-state.XXXXXX 2>/dev/null) || fast=
	cd "${fast:-.}" || return 1
}

teardown() {
	[ -z "$fast" ] || rm -rf "$fast"
}

# Two run ids, the first one earlier.
old=01K00000000000000000000000
new=01K00000000000000000000001

# ack STREAM STATE RECORDS [RUN]
ack() {
	printf '{"@cs":"checkpoint","stream":"%s"%s,"state":%s,"records":%s}\n' "$1" "${4:+,\"run\":\"$4\"}" "$2" "$3"
}

end() {
	printf '{"@cs":"end","stream":"%s","records":%s,"complete":true}\n' "$1" "$2"
}

# versions STREAM: the states kept, newest first, in one line.
versions() {
	cs-state history --json "$1" | jq -c .state | paste -sd' '
}

@test "get: the state, or status 1 and nothing" {
	check() {
		run -1 --separate-stderr cs-state get s
		equals "$output$stderr" ""
		succeeds cs-state set s '{"a": [1, 2]}'
		equals "$output$stderr" ""
		succeeds cs-state get s
		equals "$output$stderr" '{"a":[1,2]}'
		succeeds cs-state get other --default '{"start":true}'
		equals "$output" '{"start":true}'
		succeeds cs-state get s --default '{}'
		equals "$output" '{"a":[1,2]}'
		fails_with 64 cs-state get s --default '{'
	}
	each_store check
}

@test "reading makes no store" {
	check() {
		run -1 cs-state get s
		run -1 cs-state history s
		run -1 cs-state status s
		fails_with 1 cs-state rm s
		fails_with 1 cs-state undo s
		succeeds cs-state list
		equals "$output" ""
		succeeds cs-state status
		equals "$output" ""
		succeeds cs-state status --json
		equals "$output" ""
		succeeds cs-state report
		run -1 cs-state export singer s
		run -1 cs-state get --parts s
		fails_with 1 cs-state rewind --by 1h s
		equals "$(ls -A)" ""
	}
	each_store check
}

@test "reading a database that is no store leaves it as it is" {
	sqlite3 x.db 'create table mine(a); insert into mine values(1)'
	: >empty.db
	cp x.db before.db
	for db in x.db empty.db; do
		run -1 cs-state --store sqlite:$db get s
		succeeds cs-state --store sqlite:$db list
		fails_with 1 cs-state --store sqlite:$db rm s
	done
	cmp x.db before.db
	[ ! -s empty.db ]
	equals "$(echo *.db*)" "before.db empty.db x.db"
}

@test "the user's own tables stay as they are" {
	sqlite3 x.db 'create table mine(a); insert into mine values(1)'
	cs-state --store sqlite:x.db set s 1
	cs-state --store sqlite:x.db run t -- true
	cs-state --store sqlite:x.db rm s
	equals "$(sql x.db "select name from sqlite_master where type = 'table' and name not like '\_cs\_%' escape '\'")" mine
	equals "$(sql x.db 'select * from mine')" 1
}

@test "set: from the command line and from stdin, compact" {
	check() {
		printf '{ "n" : 12345678901234567890.10,\n "s":"\\u00e9 a" }\n' | cs-state set s -
		equals "$(cs-state get s)" '{"n":12345678901234567890.10,"s":"\u00e9 a"}'
		cs-state set -- s -5
		equals "$(cs-state get s)" -5
		cs-state set s '"text"'
		equals "$(versions s)" '"text" -5 {"n":12345678901234567890.10,"s":"é a"}' ||
			equals "$(versions s)" '"text" -5 {"n":12345678901234567000,"s":"é a"}' # jq 1.6
	}
	each_store check
}

@test "set: what is no state is refused and the old one stays" {
	check() {
		local bad
		cs-state set s 1
		for bad in '' ' ' '{' '{"a":1}}' 'nul' '[1,]' '{"a":01}' $'"\xff"' "'a'"; do
			fails_with 65 cs-state set s "$bad"
			fails_with 65 cs-state set --force s "$bad"
		done
		fails_with 65 cs-state set s - <<<''
		fails_with 65 cs-state set s - < <(printf '"a\0b"')
		for bad in null '{}' '[]' '""' ' { } '; do
			fails_with 65 cs-state set s "$bad"
		done
		equals "$(cs-state get s)" 1
		equals "$(versions s)" 1
		cs-state set --force s '{}'
		equals "$(cs-state get s)" '{}'
	}
	each_store check
}

@test "a state of 10 MiB is kept exactly, a longer one is refused" {
	check() {
		head -c $((10 * 1024 * 1024 - 2)) /dev/zero | tr '\0' x | sed 's/.*/"&"/' >big
		cs-state set s - <big
		cs-state get s | cmp - <(cat big; printf '\n')
		sed 's/x/xx/' big >bigger
		fails_with 65 cs-state set s - <bigger
		printf '{"@cs":"checkpoint","stream":"s","state":%s,"records":1}\n' "$(cat bigger)" >line
		run -65 --separate-stderr cs-state put <line
		cs-state get s | cmp - <(cat big; printf '\n')
		cs-state set s 2
		equals "$(cs-state get s)" 2
	}
	each_store check
}

@test "set --if-version: compare and swap" {
	check() {
		cs-state set --if-version 0 s 1
		fails_with 80 cs-state set --if-version 0 s 2
		contains "$stderr" 'version 1, not 0'
		cs-state set --if-version 1 s 2
		fails_with 80 cs-state set --if-version 1 s 3
		fails_with 80 cs-state set --if-version 3 s 3
		fails_with 80 cs-state set --if-version 1 nosuch 3
		equals "$(cs-state get s)" 2
	}
	each_store check
}

@test "of 16 that replace one version at once, one does" {
	check() {
		local i
		cs-state set s 0
		for i in $(seq 16); do
			{ rc=0; cs-state set --if-version 1 s "$i" 2>/dev/null || rc=$?; echo $rc >"rc.$i"; } &
		done
		wait
		equals "$(sort rc.* | uniq -c | awk '{print $2 "x" $1}' | paste -sd' ')" "0x1 80x15"
		equals "$(cs-state history s | wc -l)" 2
	}
	each_store check
}

@test "of 16 that store at once, none is lost" {
	check() {
		local i
		for i in $(seq 16); do
			cs-state set s "$i" &
		done
		wait
		equals "$(cs-state history s | cut -f 1 | paste -sd' ')" "16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1"
		equals "$(cs-state history s | cut -f 5 | sort -n | paste -sd' ')" "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
	}
	each_store check
}

@test "list: streams in order, tab-separated or JSON" {
	check() {
		for s in b a/2 a/1; do
			cs-state set $s '"é"'
		done
		cs-state set b 10
		succeeds cs-state list
		equals "$(cut -f 1,2,4 <<<"$output")" "$(printf 'a/1\t1\t4\na/2\t1\t4\nb\t2\t2')"
		contains "$(cut -f 3 <<<"$output")" '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z$'
		succeeds cs-state list --json
		equals "$(jq -c '[.stream, .version, .size]' <<<"$output")" "$(printf '["a/1",1,4]\n["a/2",1,4]\n["b",2,2]')"
	}
	each_store check
}

@test "history keeps the last 20 versions; undo goes back, and forth" {
	check() {
		local i
		for i in $(seq 25); do
			cs-state set s "$i"
		done
		equals "$(cs-state history s | cut -f 1,5 | head -n 2)" "$(printf '25\t25\n24\t24')"
		equals "$(cs-state history s | wc -l)" 20
		cs-state undo s
		equals "$(cs-state get s)" 24
		cs-state undo s
		equals "$(cs-state get s)" 25
		cs-state undo --to 10 s
		equals "$(cs-state get s)" 10
		fails_with 1 cs-state undo --to 2 s
		equals "$(cs-state history s | cut -f 1 | head -n 1)" 28
		cs-state set t 1
		fails_with 1 cs-state undo t
	}
	each_store check
}

@test "rm forgets the stream and no other" {
	check() {
		for s in s t; do
			cs-state set $s 1
			cs-state run $s -- true
		done
		succeeds cs-state rm s
		run -1 cs-state get s
		run -1 cs-state history s
		equals "$(cs-state status --json | jq -r .stream)" t
		fails_with 1 cs-state rm s
		cs-state set --if-version 0 s 2
	}
	each_store check
}

@test "put stores each checkpoint and passes all lines on" {
	check() {
		{
			ack s '{"p":1}' 10 $new
			echo 'some other line'
			ack t '{"p":7}' 5 $new
			ack s '{"p":2}' 20 $new
			echo '{"@cs":"from the future","stream":"s"}'
			end s 20
		} >in
		succeeds cs-state put <in
		equals "$output" "$(cat in)"
		equals "$stderr" ""
		equals "$(versions s)" '{"p":2} {"p":1}'
		equals "$(versions t)" '{"p":7}'
		equals "$(cs-state history s | cut -f 3,4 | head -n 1)" "$new	20"
	}
	each_store check
}

@test "put: a checkpoint that is there already is no new version" {
	check() {
		for _ in 1 2; do
			ack s 1 10 $new | cs-state put >/dev/null 2>&1
		done
		equals "$(versions s)" 1
	}
	each_store check
}

@test "put: an older checkpoint is refused, unless forced" {
	check() {
		{ ack s 20 20 $new; end s 20; } | cs-state put >/dev/null
		for line in "$(ack s 19 19 $new)" "$(ack s 30 30 $old)"; do
			fails_with 80 cs-state put <<<"$line"
			equals "$output" ""
			contains "$stderr" 'stdin:1: .*older'
		done
		equals "$(versions s)" 20
		cs-state put --force >/dev/null 2>&1 <<<"$(ack s 19 19 $new)"
		equals "$(versions s)" '19 20'
		cs-state put >/dev/null 2>&1 <<<"$(ack s 21 21)"
		equals "$(cs-state get s)" 21
	}
	each_store check
}

@test "put: an empty state is stored if forced" {
	check() {
		ack s 5 5 | cs-state put >/dev/null 2>&1
		for empty in null {} [] '""'; do
			fails_with 65 cs-state put <<<"$(ack s "$empty" 6)"
			equals "$(cs-state get s)" 5
		done
		cs-state put -f >/dev/null 2>&1 <<<"$(ack s {} 6)"
		equals "$(cs-state get s)" {}
	}
	each_store check
}

@test "put: a state that changes under it fences it" {
	check() {
		mkfifo to from
		cs-state put <to >from 2>err &
		exec 4>to 5<from
		ack s 1 1 $new >&4
		read -r -u 5 line
		equals "$line" "$(ack s 1 1 $new)"
		equals "$(cs-state get s)" 1 # it was durable when it was passed on
		cs-state set s 100
		ack s 2 2 $new >&4
		exec 4>&-
		equals "$(cat <&5)" ""
		exec 5>&-
		rc=0
		wait $! || rc=$?
		equals $rc 80
		contains "$(cat err)" 'stream "s" was changed meanwhile: version 2 is there, not 1'
		equals "$(cs-state get s)" 100
	}
	each_store check
}

@test "put: what is no acknowledgement is refused at its line" {
	check() {
		ack s 1 1 >ok
		for bad in '{"@cs":"checkpoint","stream":"s","records":1}' '{"@cs":"checkpoint","state":1}' \
			'{"@cs":"checkpoint","stream":"s","state":}' '{"@cs":5}' '{"@cs":"checkpoint","stream":"","state":1}' \
			'{"@cs":"checkpoint","stream":"a\nb","state":1}' '{"@cs":"checkpoint","stream":"s","state":null}' \
			'{"@cs":"checkpoint","stream":"s","state":{}}' '{"@cs":"checkpoint","stream":"s\u0000","state":1}'; do
			echo "$bad" | cat ok - ok >in
			fails_with 65 cs-state put <in
			contains "$stderr" '^cs-state: stdin:2: '
			equals "$output" "$(cat ok)"
		done
		equals "$(versions s)" 1
	}
	each_store check
}

@test "put: records that no loader has stored are no acknowledgement" {
	begin='{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":null}'
	check() {
		{ echo "$begin"; echo '{"id":1}'; ack s 1 1; end s 1; } >in
		fails_with 65 cs-state put <in
		contains "$stderr" 'stdin:2: records among the acknowledgements'
		run -1 cs-state get s
	}
	each_store check
}

@test "put: a stream that began must end, an error line ends it with its status" {
	begin='{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":null}'
	check() {
		{ echo "$begin"; ack s 1 1; } >in
		fails_with 65 cs-state put <in
		equals "$output" "$(cat in)"
		equals "$(cs-state get s)" 1
		{ ack s 2 2; echo '{"@cs":"error","stream":"s","code":75,"message":"busy"}'; } >in
		fails_with 75 cs-state put <in
		equals "$(cs-state get s)" 2
		# Without begin nobody promised an end.
		ack s 3 3 >in
		succeeds cs-state put <in
		contains "$stderr" 'no "end"'
		succeeds cs-state put </dev/null
		equals "$stderr" ""
	}
	each_store check
}

@test "put STREAM: for lines without a name, and none of another" {
	check() {
		succeeds cs-state put s <<<'{"@cs":"checkpoint","state":1}'
		equals "$(cs-state get s)" 1
		fails_with 65 cs-state put s <<<"$(ack t 2 2)"
		contains "$stderr" '"t", not of "s"'
		# but of parts, which are streams of their own and in no table of status
		succeeds cs-state put s <<<"$(ack s/1 2 2)"
		fails_with 65 cs-state put s <<<"$(ack s1 3 3)"
		equals "$(cs-state get --parts s | jq -c '[.stream, .state]')" '["s/1",2]'
		equals "$(cs-state status | cut -d' ' -f1 | paste -sd' ')" 'STREAM s'
		equals "$(cs-state get s)" 1
	}
	each_store check
}

@test "names: only what can be shown is one" {
	check() {
		local bad long
		long=$(printf '%0231d' 0)
		for bad in '' $'a\nb' $'\t' $'a\x7f' $'\xff' $'\xed\xa0\x80' $'\xc2\x9b' "$long"; do
			fails_with 64 cs-state set "$bad" 1
			fails_with 64 cs-state get "$bad"
		done
		equals "$(ls -A)" ""
		cs-state set "${long#?}" 1
		cs-state run "${long#?}" -- true
		equals "$(cs-state get "${long#?}")" 1
	}
	each_store check
}

@test "names: none leaves the store, no two share a file" {
	check() {
		local i names=(../x /etc/x . .. ./. a/../b a/b a%2Fb a%2fb 'a\b' -- -x ' ' '*' é e x.state x.runs x.lock
			x '%' '%%' '%41' A 'C:' '$(touch evil)' "'" 'a b' '~')
		for i in "${!names[@]}"; do
			cs-state set -- "${names[i]}" "$((i + 1))"
			cs-state run -- "${names[i]}" true
		done
		for i in "${!names[@]}"; do
			equals "$(cs-state get -- "${names[i]}")" "$((i + 1))"
		done
		equals "$(cs-state list | cut -f 1)" "$(printf '%s\n' "${names[@]}" | sort)"
		equals "$(cs-state status --json | jq -r .stream)" "$(printf '%s\n' "${names[@]}" | sort)"
		equals "$(find .. -newer ../mark ! -path '../sqlite*' ! -path '../dir*' ! -path '../postgres*' ! -path ..)" ""
		[ ! -e d ] || equals "$(find d -mindepth 1 -type d)" ""
	}
	touch mark
	each_store check
}

@test "names: naughty strings are kept exactly, or refused" {
	shared corpora/blns/blns.json
	# Refused may be only a name without a character, with one that controls, or a long one.
	jq -c 'unique | .[] | select(. != "" and utf8bytelength < 77 and
		(any(explode[]; . < 32 or (. > 126 and . < 160)) | not))' "$SHARED" >good
	[ "$(wc -l <good)" -gt 400 ]
	jq -c 'unique | .[]' "$SHARED" | grep -Fxv -f good >doubtful
	sed 's/.*/{"@cs":"checkpoint","stream":&,"state":[&]}/' good >good.lines
	check() {
		local line rc
		succeeds cs-state put <../good.lines
		equals "$output" "$(cat ../good.lines)"
		cp ../good stored
		while IFS= read -r line; do
			rc=0
			cs-state put <<<"{\"@cs\":\"checkpoint\",\"stream\":$line,\"state\":[$line]}" >/dev/null 2>&1 || rc=$?
			[ $rc -eq 65 ] || { [ $rc -eq 0 ] && printf '%s\n' "$line" >>stored; }
		done <../doubtful
		equals "$(cs-state list --json | jq -c .stream | sort)" "$(sort stored)"
		while IFS= read -r line; do
			equals "$(cs-state get -- "$(jq -r . <<<"$line")" | jq -c '.[0]')" "$line"
		done < <(shuf -n 20 --random-source=../good stored)
	}
	each_store check
}

@test "dir: private, and made on the way" {
	umask 022
	cs-state --store dir:a/b/c set s 1
	cs-state --store dir:a/b/c run s -- true
	equals "$(find a -type d -printf '%m ')" "700 700 700 "
	equals "$(find a -type f -printf '%m ')" "600 600 600 "
	mkdir -m 750 mine
	cs-state --store dir:mine set s 1
	equals "$(stat -c %a mine)" 750
	: >file
	fails_with 74 cs-state --store dir:file set s 1
	fails_with 74 cs-state --store dir:file get s
	fails_with 74 cs-state --store dir:file/x set s 1
}

@test "dir: of history 1 MiB is kept, and the newest state whatever its size" {
	export CS_STATE_STORE=dir:d
	for n in 1 2 3 4 5; do
		{ printf '"%s' $n; head -c 400000 /dev/zero | tr '\0' x; echo '"'; } | cs-state set s -
	done
	equals "$(cs-state history s | cut -f 1 | paste -sd' ')" '5 4 3'
	{ printf '"6'; head -c 2000000 /dev/zero | tr '\0' x; echo '"'; } | cs-state set s -
	equals "$(cs-state history s | cut -f 1 | paste -sd' ')" '6 5 4'
	equals "$(cs-state get s | cut -c 2)" 6
}

@test "dir: a damaged file is said to be so, and left alone" {
	export CS_STATE_STORE=dir:d
	cs-state set s 1
	cs-state set t 1
	for text in '' '{' '[]' '{"stream":"s"}' '{"stream":"s","version":"x","updated_at":"","state":1}' '{"stream":5}'; do
		printf %s "$text" >d/s.state
		fails_with 74 cs-state get s
		contains "$stderr" 'd/s\.state: damaged'
		fails_with 74 cs-state set s 2
		equals "$(cat d/s.state)" "$text"
		run -74 --separate-stderr cs-state list
		contains "$output" '^t'
	done
	# As a file system would show it that takes S and s for the same.
	cs-state set S 1
	cp d/S.state d/s.state
	fails_with 74 cs-state set s 2
	contains "$stderr" 'belongs to stream "S"'
}

@test "dir: foreign files and what a killed writer left are not streams" {
	cs-state --store dir:d set s 1
	touch d/.state d/x d/y.state.Ab3dEf d/%zz.state d/a%2fb.state d/%00.state
	equals "$(cs-state --store dir:d list | cut -f 1)" s
}

@test "sqlite: what is no database, or a newer one, is refused" {
	echo 'this is a text file that is no database, surely not' >x.txt
	fails_with 74 cs-state --store sqlite:x.txt get s
	fails_with 74 cs-state --store sqlite:x.txt set s 1
	fails_with 74 cs-state --store sqlite:nosuch/x.db set s 1
	fails_with 64 cs-state --store sqlite::memory: set s 1
	fails_with 64 cs-state --store sqlite: set s 1
	cs-state --store sqlite:x.db set s 1
	sqlite3 x.db "update _cs_meta set value = 99 where name = 'schema'"
	fails_with 74 cs-state --store sqlite:x.db set s 2
	contains "$stderr" newer
	equals "$(sql x.db 'select state from _cs_state')" 1
}

@test "sqlite: a database in WAL mode stays so" {
	sqlite3 x.db 'pragma journal_mode=wal; create table t(a)' >/dev/null
	cs-state --store sqlite:x.db set s 1
	equals "$(cs-state --store sqlite:x.db get s)" 1
	equals "$(sql x.db 'pragma journal_mode')" wal
	cs-state --store sqlite:new.db set s 1
	equals "$(sql new.db 'pragma journal_mode')" delete
}

@test "sqlite: readers do not wait for a writer" {
	cs-state --store sqlite:x.db set s 1
	mkfifo hold
	sqlite3 -batch x.db <hold >/dev/null &
	exec 4>hold
	printf 'begin immediate;\nupdate _cs_state set state = 2;\n.shell touch held\n' >&4
	until [ -e held ]; do sleep 0.05; done
	run -0 timeout 5 cs-state --store sqlite:x.db get s
	equals "$output" 1
	run -0 timeout 5 cs-state --store sqlite:x.db status
	echo 'rollback;' >&4
	exec 4>&-
	wait $!
}

@test "sqlite: what cs-load stored can be read, without any run" {
	{
		echo '{"@cs":"begin","version":1,"stream":"a/b","run":"r","mode":"full","from":null}'
		echo '{"id":1}'
		ack a/b '{"page":2}' 1 r
		end a/b 1
	} | cs-load --to sqlite:x.db --table t --key id >/dev/null
	cp x.db before.db
	equals "$(cs-state --store sqlite:x.db get a/b)" '{"page":2}'
	contains "$(cs-state --store sqlite:x.db status)" '^a/b +- +now +- +1$'
	equals "$(cs-state --store sqlite:x.db list | cut -f 1,2)" "a/b	1"
	cmp x.db before.db
}

@test "the store: an option, else the environment, else under XDG_STATE_HOME or HOME" {
	export HOME=$PWD/home XDG_STATE_HOME=$PWD/xdg
	CS_STATE_STORE=dir:env cs-state --store dir:option set s 1
	[ -e option/s.state ]
	CS_STATE_STORE=dir:env cs-state set s 1
	[ -e env/s.state ]
	CS_STATE_STORE='' cs-state set s 1
	[ -e xdg/cs/s.state ]
	XDG_STATE_HOME=relative cs-state set s 1
	[ -e home/.local/state/cs/s.state ]
	unset XDG_STATE_HOME HOME
	fails_with 64 cs-state get s
	# Not the password.
	fails_with 64 cs-state --store mysql://user:secret@host/db get s
	lacks "$stderr" secret
}

@test "mistakes of the command line" {
	export CS_STATE_STORE=dir:d
	for args in "" "nonsense" "get" "get a b" "set s" "set s 1 2" "rm" "run" "run s" "run s true" "run s --" \
		"run -- true" "get --force s" "list --every 4h" "run --json s -- true" "undo --to 0 s" "undo --to x s" \
		"set --if-version -1 s 1" "run --every h s -- true" "run --every 4x s -- true" "put a b" "list a" \
		"--nonsense" "history" "export stitch s" "export s"; do
		# shellcheck disable=SC2086
		fails_with 64 cs-state $args
	done
	[ ! -e d ]
}
