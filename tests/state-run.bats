#!/usr/bin/env bats
# cs-state run: the lease, the environment, acknowledgements, signals, time; and status.
# shellcheck disable=SC2016,SC2030,SC2031 # $ is for the inner shell; each store is tried in a subshell
load lib
load postgres

setup_file() {
	start_postgres
}

teardown_file() {
	stop_postgres
}

# Programs for run: ack and end print lines of stream s, or of $CS_STREAM.
setup() {
	start_in_tmpdir
	mkdir bin
	cat >bin/ack <<'END'
#!/bin/sh
printf '{"@cs":"checkpoint","stream":"%s","state":%s,"records":%s}\n' "$CS_STREAM" "$1" "$2"
END
	cat >bin/end <<'END'
#!/bin/sh
printf '{"@cs":"end","stream":"%s","run":"%s","records":%s,"complete":true,"counts":{"inserted":%s}}\n' "$CS_STREAM" "$CS_RUN" "$1" "$1"
END
	chmod +x bin/*
	export PATH=$PWD/bin:$PATH
}

# of STREAM FILTER: a word of status --json.
of() {
	cs-state status --json "$1" | jq -r "$2"
}

need_faketime() {
	need faketime
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 # faketime comes first
}

# Wait until COMMAND succeeds.
until_true() {
	local i
	for ((i = 0; i < 200; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	echo "never true: $*"
	return 1
}

@test "run hands over state, stream, run and fence, and stores what is acknowledged" {
	check() {
		succeeds cs-state run s -- sh -c 'echo "${CS_STATE-unset}"; echo "$CS_STREAM"; ack "{\"p\":1}" 5; end 5'
		equals "$output" "$(printf 'unset\ns')"
		equals "$stderr" ""
		equals "$(cs-state get s)" '{"p":1}'
		CS_STATE=inherited succeeds cs-state run s -- sh -c 'echo "$CS_STATE"; echo "$CS_RUN $CS_FENCE" >second'
		equals "$output" '{"p":1}'
		CS_STATE=inherited succeeds cs-state run other -- sh -c 'echo "${CS_STATE-unset}"'
		equals "$output" unset
		cs-state run s -- sh -c 'echo "$CS_RUN $CS_FENCE" >third'
		read -r run2 fence2 <second
		read -r run3 fence3 <third
		[[ $run2 =~ ^[0-9A-HJKMNP-TV-Z]{26}$ ]]
		[[ $run2 < $run3 ]]
		[ "$fence2" -lt "$fence3" ]
		equals "$(cs-state history --json s | jq -c '[.version, .state, .records]')" '[1,{"p":1},5]'
	}
	each_store check
}

@test "run: lines that are not control lines are passed on, control lines with -v" {
	export CS_STATE_STORE=dir:d
	{
		CS_STREAM=s ack 1 5
		printf 'text\n\n\n{"id":1}\n'
		CS_STREAM=s end 5
		printf 'no newline'
	} >in
	succeeds cs-state run s -- cat in
	equals "$output" "$(printf 'text\n{"id":1}\nno newline')"
	equals "$stderr" ""
	succeeds cs-state run -v s -- cat in
	equals "$output" "$(grep . in)"
	contains "$stderr" '^cs-state: stream "s": run [0-9A-Z]{26} ended with status 0 after [0-9]+ ms, 1 checkpoints$'
}

@test "run: stdin is the command's" {
	export CS_STATE_STORE=dir:d
	equals "$(echo hello | cs-state run s -- cat)" hello
}

@test "run records how it went" {
	check() {
		cs-state run s -- sh -c 'ack 1 5; end 7'
		equals "$(of s '[.outcome, .last_run.status, .last_run.done, .last_run.records, .last_run.counts.inserted, .last_run.message] | join(" ")')" \
			"ok 0 true 7 7 "
		ok=$(of s .last_success)
		run -3 cs-state run s -- sh -c 'ack 2 9; exit 3'
		equals "$(of s '[.outcome, .last_run.status, .last_run.records, .last_run.message] | join(" ")')" \
			"failed 3 9 the command ended with status 3"
		equals "$(of s .last_success)" "$ok"
		run -75 cs-state run s -- sh -c 'echo "{\"@cs\":\"error\",\"stream\":\"s\",\"code\":75,\"message\":\"429 from the server\"}"; exit 75'
		equals "$(of s .last_run.message)" "429 from the server"
		run -1 cs-state run s -- sh -c 'ack 3 9; end 9; exit 1'
		equals "$(of s '"\(.outcome) \(.last_run.done)"')" "ok true"
		run -1 cs-state run s -- false
		equals "$(of s '"\(.outcome) \(.last_run.done)"')" "failed false"
		equals "$(cs-state get s)" 3
		run -127 cs-state run s -- nosuchcommand
		run -126 cs-state run s -- ./
		run -137 cs-state run s -- sh -c 'kill -9 $$'
		equals "$(of s .last_run.message)" "ended by signal 9"
	}
	each_store check
}

@test "run: exit 0 is believed only if the stream ended" {
	check() {
		fails_with 65 cs-state run s -- ack 1 5
		contains "$stderr" 'no "end" line'
		equals "$(cs-state get s)" 1
		equals "$(of s .outcome)" failed
		fails_with 75 cs-state run s -- sh -c 'echo "{\"@cs\":\"error\",\"stream\":\"s\",\"code\":75,\"message\":\"busy\"}"'
		fails_with 65 cs-state run s -- echo '{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full"}'
		succeeds cs-state run s -- sh -c 'end 0'
	}
	each_store check
}

@test "run: a wrong line ends the command" {
	check() {
		for line in '{"@cs":"checkpoint","stream":"s","state":null}' '{"@cs":"checkpoint","stream":"t","state":1}' \
			'{"@cs":"checkpoint","stream":"s","state":{]}' '{"@cs":"checkpoint"}' '{"@cs":7}' \
			'{"@cs":"checkpoint","stream":"s","state":"'$'\xff''"}'; do
			fails_with 65 timeout 20 cs-state run s -- sh -c 'echo "$1"; sleep 60; ack 2 2; end 2' sh "$line"
		done 2>/dev/null
		run -1 cs-state get s
		equals "$(of s .last_run.status)" 65
	}
	fails_with() { # timeout stands before the program
		run -"$1" --separate-stderr "${@:2}"
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == "cs-state: "* ]]
	}
	each_store check
}

@test "run: records that no loader has stored are no success" {
	printf '%s\n' '{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":null}' '{"id":1}' \
		'{"@cs":"checkpoint","stream":"s","state":1}' '{"@cs":"end","stream":"s","records":1,"complete":true}' >in
	fails_with 65 cs-state --store dir:d run s -- cat in
	contains "$stderr" 'no loader'
	run -1 cs-state --store dir:d get s
}

@test "run: a state longer than 64 KiB comes in a private file, which is removed" {
	check() {
		head -c 70000 /dev/zero | tr '\0' x | sed 's/.*/"&"/' >big
		cs-state set s - <big
		mkdir tmp
		export TMPDIR=$PWD/tmp
		cs-state run s -- sh -c 'f=${CS_STATE#@}; stat -c %a "$f" >mode; cp "$f" copy; echo "$CS_STATE" >name'
		equals "$(cat mode)" 600
		contains "$(cat name)" "^@$PWD/tmp/"
		cmp copy <(tr -d '\n' <big)
		equals "$(ls tmp)" ""
		run -143 cs-state run s -- sh -c 'kill $PPID; sleep 60'
		equals "$(ls tmp)" ""
		TMPDIR=/nonexistent fails_with 74 cs-state run s -- touch ran
		[ ! -e ran ]
		equals "$(of s .outcome)" failed
	}
	each_store check
}

@test "run: of 16 at once exactly one works, the others exit 75" {
	check() {
		local i
		for i in $(seq 16); do
			{
				rc=0
				cs-state run s -- sh -c 'echo x >>worked; until [ -e go ]; do sleep 0.05; done; ack 1 1; end 1' 2>err.$i || rc=$?
				echo $rc >"rc.$i"
			} &
		done
		until_true sh -c '[ "$(ls rc.* 2>/dev/null | wc -l)" -eq 15 ]'
		touch go
		wait
		equals "$(sort rc.* | uniq -c | awk '{print $2 "x" $1}' | paste -sd' ')" "0x1 75x15"
		equals "$(wc -l <worked)" 1
		equals "$(cat err.* | sort -u)" 'cs-state: stream "s" is being run by another process; run again later, or --wait'
		equals "$(cs-state history s | wc -l)" 1
	}
	each_store check
}

@test "run: streams do not wait for each other; a link to the database is the same lock" {
	ln -s x.db link.db
	cs-state --store sqlite:x.db run s -- sh -c '
		cs-state --store sqlite:x.db run t -- true && echo t
		cs-state --store sqlite:./link.db run s -- true || echo $?' >out 2>/dev/null
	equals "$(cat out)" "$(printf 't\n75')"
}

@test "run --wait: waits for the other run, but not longer" {
	check() {
		cs-state run s -- sh -c 'touch started; until [ -e go ]; do sleep 0.05; done; ack 1 1; end 1' &
		until_true [ -e started ]
		fails_with 75 cs-state run --wait 200ms s -- true
		cs-state run --wait 30s s -- sh -c 'echo "$CS_STATE" >seen' &
		touch go
		wait
		equals "$(cat seen)" 1 # what the first one stored
	}
	each_store check
}

@test "run: the lease is not inherited by what goes on behind it" {
	cs-state --store dir:d run s -- sh -c 'sleep 3 >/dev/null & echo $! >pid'
	succeeds cs-state --store dir:d run s -- true
	kill "$(cat pid)"
}

@test "run: a state changed under it fences it: 80, and the command is ended" {
	check() {
		cs-state set s 1
		fails_with 80 cs-state run s -- sh -c 'cs-state set s 100; ack 2 2; sleep 60; touch survived'
		contains "$stderr" 'was changed meanwhile: version 2 is there, not 1'
		equals "$(cs-state get s)" 100
		[ ! -e survived ]
		equals "$(of s '"\(.outcome) \(.last_run.status)"')" "failed 80"
		fails_with 80 cs-state run s -- sh -c \
			'ack 3 3; until [ "$(cs-state get s)" = 3 ]; do :; done; cs-state undo s; ack 4 4; sleep 60'
	}
	each_store check
}

@test "rm waits for nobody and disturbs no run" {
	check() {
		cs-state run s -- sh -c 'ack 1 1; until cs-state get s >/dev/null; do :; done; cs-state rm s; echo $? >rc; end 1' 2>/dev/null
		equals "$(cat rc)" 75
		equals "$(cs-state get s)" 1
	}
	each_store check
}

@test "run: where the store is the destination, the checkpoint is not stored twice" {
	for n in 1 2; do
		cs-state --store sqlite:x.db run s -- sh -c '
			{
				echo "{\"@cs\":\"begin\",\"version\":1,\"stream\":\"s\",\"run\":\"$CS_RUN\",\"mode\":\"full\",\"from\":${CS_STATE:-null}}"
				for i in 1 2 3; do
					echo "{\"id\":$i,\"n\":'$n'}"
					ack "{\"run\":'$n',\"page\":$i}" $i
				done
				end 3
			} | cs-load --to sqlite:x.db --table t --key id'
		equals "$(cs-state --store sqlite:x.db get s)" "{\"run\":$n,\"page\":3}"
		equals "$(sql x.db 'select count(*), min(n), max(n) from t')" "3|$n|$n"
		# One version a commit of the loader, in order, none twice.
		equals "$(sql x.db 'select state from _cs_state_log order by version' | sort -u)" \
			"$(sql x.db 'select state from _cs_state_log order by version')"
	done
	equals "$(CS_STATE_STORE=sqlite:x.db of s '"\(.outcome) \(.last_run.counts.updated)"')" "ok 3"
}

@test "run: a loader that fails in plain sh fails the run, what it stored before is kept" {
	run -65 cs-state --store sqlite:x.db run s -- sh -c '
		{
			echo "{\"@cs\":\"begin\",\"version\":1,\"stream\":\"s\",\"run\":\"$CS_RUN\",\"mode\":\"full\",\"from\":null}"
			echo "{\"id\":1}"; ack 1 1; echo "{\"id\":2}"
		} | cs-load --to sqlite:x.db --table t --key id'
	equals "$(cs-state --store sqlite:x.db get s)" 1
	equals "$(sql x.db 'select count(*) from t')" 1
	contains "$(CS_STATE_STORE=sqlite:x.db of s .outcome)" failed
}

@test "run: TERM and INT reach the whole group, what is acknowledged then is kept" {
	check() {
		local sig n=0
		for sig in TERM INT HUP QUIT; do
			n=$((n + 10))
			cat >script <<-END
				trap 'ack $n 2; exit 9' $sig
				env --default-signal=$sig sh -c 'trap "touch reached.$sig; exit" $sig; touch up; while :; do sleep 0.05; done' &
				ack $((n - 1)) 1
				until [ -e up ]; do sleep 0.05; done
				touch started
				while :; do sleep 0.05; done
			END
			rm -f started up
			# In a group of its own with signals at their defaults: a shell ignores INT in the background.
			(ulimit -c 0; exec env --default-signal=INT,QUIT cs-state run s -- sh script) &
			until_true [ -e started ]
			kill -$sig $!
			rc=0
			wait $! || rc=$?
			equals "$rc" "$((128 + $(kill -l $sig)))"
			until_true [ -e "reached.$sig" ]
			equals "$(cs-state get s)" $n
			equals "$(of s '"\(.outcome) \(.last_run.status)"')" "failed 9"
		done
	}
	each_store check
}

@test "run: a signal that is ignored (nohup) ends nothing" {
	export CS_STATE_STORE=dir:d
	(exec env --ignore-signal=HUP cs-state run s -- sh -c 'touch up; until [ -e go ]; do sleep 0.05; done; ack 1 1; end 1') &
	until_true [ -e up ]
	kill -HUP $!
	touch go
	wait $!
	equals "$(of s .outcome)" ok
}

@test "run: what does not end on a signal is killed, at once with a second one" {
	check() {
		echo 'trap "" TERM; echo $$ >pid; touch started; while :; do sleep 0.05; done' >deaf
		cs-state run --grace 300ms s -- sh deaf &
		until_true [ -e started ]
		kill $!
		rc=0
		wait $! || rc=$?
		equals $rc 143
		! kill -0 "$(cat pid)" 2>/dev/null
		rm started
		cs-state run --grace 60s s -- sh deaf &
		until_true [ -e started ]
		kill $!
		sleep 0.3
		kill $!
		rc=0
		wait $! || rc=$?
		equals $rc 143
		! kill -0 "$(cat pid)" 2>/dev/null
		equals "$(of s .last_run.message)" "ended by signal 9"
	}
	each_store check
}

@test "run --timeout: the group is ended, 75, what was acknowledged is kept" {
	check() {
		fails_with 75 cs-state run --timeout 300ms s -- sh -c 'ack 1 1; sleep 60; touch survived'
		contains "$stderr" 'timed out after 300ms'
		equals "$(cs-state get s)" 1
		fails_with 75 cs-state run --timeout 300ms --grace 200ms s -- sh -c 'trap "" TERM; while :; do sleep 0.05; done'
		equals "$(of s '"\(.outcome) \(.last_run.message)"')" "failed timed out after 300ms"
		succeeds cs-state run --timeout 30s s -- true
	}
	each_store check
}

@test "run: a command that prints without a pause is ended by a signal and by --timeout all the same" {
	export CS_STATE_STORE=dir:d
	run -75 --separate-stderr timeout -k 1 20 cs-state run --timeout 300ms s -- yes '{"@cs":"from the future"}'
	contains "$stderr" 'timed out'
	cs-state run s -- sh -c 'touch up; exec yes text' >/dev/null &
	until_true [ -e up ]
	kill $!
	rc=0
	wait $! || rc=$?
	equals $rc 143
}

@test "run: a stopped or silent command, or one that closed its stdout, is waited for" {
	export CS_STATE_STORE=dir:d
	run -5 cs-state run s -- sh -c 'exec >&-; sleep 0.3; exit 5'
	fails_with 75 cs-state run --timeout 300ms s -- sh -c 'exec >&-; sleep 60'
	fails_with 75 cs-state run --timeout 300ms --grace 60s s -- sh -c 'kill -STOP $$'
	# stdout is open in a process that outlives the command: that may still acknowledge something.
	succeeds cs-state run s -- sh -c '(sleep 0.5; ack 5 5; end 5) & exit 0'
	equals "$(cs-state get s)" 5
}

@test "run: killed, its lease is free, what it acknowledged is there, and status says so" {
	check() {
		cs-state run --ttl 1s s -- sh -c 'ack 1 1; ack 2 2; touch acked; echo $$ >pid; exec sleep 60' &
		until_true [ -e acked ]
		until_true test "$(cs-state get s --default 0)" = 2 || until_true sh -c '[ "$(cs-state get s)" = 2 ]'
		equals "$(of s .outcome)" running
		kill -9 $!
		wait $! || :
		equals "$(cs-state get s)" 2
		until_true sh -c '[ "$(cs-state status --json s | jq -r .outcome)" = killed ]' # a row has to run out
		equals "$(of s .last_run.ended_at)" null
		until_true sh -c '! kill -0 "$(cat pid)" 2>/dev/null' # its command was sent TERM
		succeeds cs-state run s -- sh -c 'echo "$CS_STATE"; ack 3 3; end 3'
		equals "$output" 2
		equals "$(cs-state get s)" 3
	}
	each_store check
}

@test "run: killed at any moment it leaves an acknowledged state, and never goes back" {
	check() {
		local i last=0 now
		# Where leases are rows, each has to run out first.
		for i in $(seq "$([[ $CS_STATE_STORE == postgres:* ]] && echo 4 || echo 15)"); do
			cs-state run --ttl 1s --wait 30s s -- sh -c 'i=${CS_STATE:-0}; touch up; while i=$((i + 1)); do echo $i >>sent; ack $i $i; done' >/dev/null &
			until_true [ -e up ]
			rm up
			sleep "0.$((RANDOM % 40 + 10))"
			kill -9 $! 2>/dev/null
			wait $! 2>/dev/null || :
			now=$(cs-state get s --default 0)
			[ "$now" -ge "$last" ]
			[ "$now" -eq 0 ] || grep -qx "$now" sent
			last=$now
		done
		[ "$last" -gt 0 ]
		[ ! -e x.db ] || equals "$(sqlite3 x.db 'pragma integrity_check')" ok
		succeeds cs-state run --wait 30s s -- true
	}
	each_store check
}

@test "run --every: not due is no error, and counts from the start of the last good run" {
	need_faketime
	cs-state --store dir:units run s -- true
	for hour in 60m 3600 3600s 3600000ms; do # without a unit it is seconds
		run -0 --separate-stderr cs-state --store dir:units run --every $hour s -- false
		contains "$stderr" 'next in (59m|1h)$'
	done
	check() {
		at() {
			local time=$1
			shift
			faketime "2026-03-01 $time" cs-state run --every 4h s -- "$@"
		}
		at 10:00:00 touch first
		[ -e first ]
		run --separate-stderr at 13:59:30 touch second
		equals "$status$output" 0
		contains "$stderr" '^cs-state: stream "s" is not due: next in (30s|29s)$'
		[ ! -e second ]
		run -0 --separate-stderr faketime "2026-03-01 11:00:00" cs-state run -q --every 4h s -- touch second
		equals "$stderr" ""
		[ ! -e second ]
		at 14:00:30 touch second
		[ -e second ]
		# A failed run does not count; it is due until one succeeds.
		! at 18:01:00 false
		at 18:15:00 touch third
		[ -e third ]
		# Neither does one that lies in the future.
		at 12:00:00 touch fourth
		[ -e fourth ]
		! at 12:05:00 false
		# Nor does this one count forever: without --every nothing is too early.
		faketime "2026-03-01 12:06:00" cs-state run s -- touch fifth
		[ -e fifth ]
	}
	each_local_store check
}

@test "run: ids grow though the clock was set back" {
	need_faketime
	check() {
		for time in 2026-03-01 2026-02-01 2026-01-01; do
			faketime "$time" cs-state run s -- sh -c 'ack \"$CS_RUN\" 1; end 1; echo "$CS_RUN $CS_FENCE"'
		done >runs
		equals "$(sort -u runs)" "$(cat runs)"
		equals "$(cs-state get s | tr -d '"')" "$(tail -n 1 runs | cut -d' ' -f1)"
		equals "$(wc -l <runs)" 3
	}
	each_store check
}

@test "run: its number grows also where the stream was forgotten and the clock set back" {
	need_faketime
	check() {
		[[ $CS_STATE_STORE != dir:* ]] || return 0 # which forgets all of it
		faketime 2026-03-01 cs-state run s -- sh -c 'echo "$CS_FENCE"' >fences
		cs-state rm s
		faketime 2026-02-01 cs-state run s -- sh -c 'echo "$CS_FENCE"' >>fences
		equals "$(sort -nu fences)" "$(cat fences)"
		equals "$(wc -l <fences)" 2
	}
	each_store check
}

@test "run keeps the last 100 runs and the last good one" {
	check() {
		local good
		cs-state run s -- true
		good=$(of s .last_success)
		seq 104 | xargs -I{} sh -c 'cs-state run s -- false || true'
		equals "$(of s .last_success)" "$good"
		if [ -e x.db ]; then
			equals "$(sql x.db 'select count(*) from _cs_run')" 101
		elif [ ! -e d ]; then
			equals "$(query 'select count(*) from _cs_run')" 101
		else
			equals "$(wc -l <d/s.runs)" 101
		fi
	}
	fast=$(mktemp -d /dev/shm/cs-state.XXXXXX 2>/dev/null) || fast=$PWD
	cd "$fast"
	each_store check
	[ "$fast" = "$BATS_TEST_TMPDIR" ] || rm -rf "$fast"
}

@test "status: a table for a person" {
	need_faketime
	export CS_STATE_STORE=dir:d
	at() {
		faketime "2026-03-01 $1" "${@:2}"
	}
	at 08:00:00 cs-state set by/hand 1
	at 09:00:00 cs-state run --every 4h good -- sh -c 'ack 1 1200; end 1200'
	at 09:00:00 cs-state run bad -- true
	run -77 at 10:00:00 cs-state run bad -- sh -c 'echo "{\"@cs\":\"error\",\"stream\":\"bad\",\"code\":77,\"message\":\"401\\u001b[31m\"}"; exit 77'
	at 10:00:00 cs-state run --every 10m late -- true
	at 10:00:00 cs-state run going -- sh -c 'touch going; until [ -e stop ]; do sleep 0.05; done' &
	until_true [ -e going ]
	succeeds at 12:00:30 cs-state status
	touch stop
	wait $!
	equals "$(sed -E 's/ (now|[0-9]+m?s) / - /g; s, [0-9.]+[kM]?/s , N/s ,; s/  +/ /g; s/-$//; s/ $//' <<<"$output")" "STREAM SUCCESS STATE LAST RUN RECORDS RATE TREND DUE PROBLEM
bad 3h ago - failed (77) - - ·× - 401?[31m
by/hand - 4h ago - - -
going - - running 2h - - ·
good 3h ago 3h ago ok 1200 N/s █ in 59m
late 2h ago - ok - - · 110m late"
}

@test "status: colour on a terminal alone, and not with NO_COLOR" {
	need script
	export CS_STATE_STORE=dir:d TERM=xterm
	cs-state run s -- true
	on_terminal() {
		script -qec "$1" /dev/null </dev/null
	}
	lacks "$(cs-state status)" $'\e'
	contains "$(on_terminal 'cs-state status')" $'\e\\[32mok'
	lacks "$(NO_COLOR=1 on_terminal 'cs-state status')" $'\e'
	contains "$(NO_COLOR='' on_terminal 'cs-state status')" $'\e\\[32mok'
	lacks "$(TERM=dumb on_terminal 'cs-state status')" $'\e'
	lacks "$(on_terminal 'cs-state status --json')" $'\e'
}

@test "run on a terminal does not stop when the command reads from it" {
	need script
	run -0 timeout 20 script -qec 'cs-state --store dir:d run s -- cat' /dev/null </dev/null
}

@test "status --json: all that is known" {
	check() {
		cs-state run --every 4h s -- sh -c 'ack 1 5; end 5'
		cs-state set t 1
		succeeds cs-state status --json
		equals "$(jq -c 'keys_unsorted' <<<"$output" | sort -u)" '["stream","version","updated_at","last_success","outcome","last_run"]'
		equals "$(jq -c 'select(.stream == "s").last_run | keys_unsorted' <<<"$output")" \
			'["stream","run","fence","started_at","ended_at","status","done","every","records","counts","fetch","message"]'
		equals "$(jq -c '[.stream, .version, .outcome, .last_run.every]' <<<"$output")" "$(printf '["s",1,"ok",14400000]\n["t",1,null,null]')"
		succeeds cs-state status --json t
		equals "$(jq -r .stream <<<"$output")" t
		run -1 cs-state status nosuch
	}
	each_store check
}

@test "run: what an orphan of the run before commits as this one begins is what it begins with" {
	need sqlite3
	cs-state --store sqlite:x.db set s '{"n":1}'
	mkfifo held
	# It holds the write lock, which the new run must wait for when it has looked.
	{
		echo "BEGIN IMMEDIATE;"
		echo "UPDATE _cs_state SET state = '{\"n\":2}', version = version + 1 WHERE stream = 's';"
		echo ".shell echo > held"
		sleep 1
		echo "COMMIT;"
	} | sqlite3 x.db 3>&- &
	local holder=$!
	read -r _ <held
	succeeds cs-state --store sqlite:x.db run s -- sh -c 'echo "$CS_STATE" >got'
	equals "$(cat got)" '{"n":2}'
	wait "$holder"
}
