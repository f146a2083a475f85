# jq programs run in processes of their own: order, crashes, limits.
# shellcheck disable=SC2016 # jq's variables, not the shell's
load lib

# Records that take programs of different lengths, between control lines.
numbers() {
	seq "$1" | sed -E 's/.*/{"id":&,"name":"Name & and more","tags":["a","b"],"on":true}/; 0~500s/$/\n{"@cs":"checkpoint","stream":"s","state":{"n":1},"records":0}/'
}

@test "any number of jobs gives the same bytes" {
	numbers 20000 >in
	for program in 'select(.id % 3 == 0)' '.name += "!"' '.tags[] as $t | {id, $t}' '.' 'if .id % 7 == 0 then ., {x: .id} else empty end'; do
		cs-map -f "$program" --names snake <in >want
		for jobs in 2 3 7; do
			cs-map -f "$program" --names snake --jobs $jobs <in >got
			cmp want got || { echo "for $program with $jobs jobs"; return 1; }
		done
	done
	equals "$(controls <want | wc -l)" 40
}

@test "control lines keep their place and count what was let through before them" {
	numbers 3000 >in
	cs-map --where '.id <= 1200' --jobs 3 <in >out
	equals "$(controls <out | jq -c .records)" $'500\n1000\n1200\n1200\n1200\n1200'
	equals "$(jq -c 'select(.id or ."@cs") | .id // "c"' out | sed -n '500,502p')" $'500\n"c"\n501'
}

@test "a record that brings libjq down is refused, its neighbours are not" {
	seq 5000 | sed 's/.*/{"id":&}/' >in
	for program in 'if .id == 2500 then [range(3)] | .[nan:1] else . end' \
		'if .id == 2500 then [(infinite, -infinite) % (1, -1, infinite)] else . end'; do
		for jobs in 1 3; do
			rm -f aside
			run -1 --separate-stderr cs-map -f "$program" --jobs $jobs --rejects aside <in
			equals "$output" "$(sed 2500d in)"
			equals "$(jq -r '[.line, .record] | @tsv' aside | tr -d '\\')" $'2500\t{"id":2500}'
			contains "$(jq -r .reason aside)" '^the program crashed libjq on this record: '
		done
		fails_with 65 cs-map -f "$program" --jobs 2 <in
		contains "$stderr" '^cs-map: stdin:2500: the program crashed libjq on this record: '
		equals "$output" "$(head -n 2499 in)"
	done
	# Each record of a chunk.
	run -1 --separate-stderr cs-map -f 'if .id < 20 then [range(3)] | .[nan:1] else {id} end' --rejects aside2 <in
	equals "$output" "$(sed 1,19d in)"
	equals "$(jq .line aside2)" "$(seq 19)"
}

@test "a program that does not end, or wants all memory, is ended" {
	printf '%s\n' '{"id":1,"s":"uu"}' '{"id":2,"s":"x"}' >in
	for program in 'if .id == 1 then def f: f; f else . end' 'if .id == 1 then last(range(1e12)) else . end'; do
		run -1 --separate-stderr cs-map -f "$program" --program-timeout 300ms --rejects aside <in
		equals "$output" '{"id":2,"s":"x"}'
		equals "$(jq -r .reason aside)" 'the program took more than 0.3 s of CPU time for this record (--program-timeout)'
		rm aside
	done
	case $BUILD in *sanitize*) return ;; esac # they need address space without end
	for program in 'if .id == 1 then [range(1e9)] else . end' 'if .id == 1 then .s | gsub("(?=u)"; "u") else . end'; do
		run -1 --separate-stderr cs-map -f "$program" --program-memory 128M --rejects aside <in
		equals "$output" '{"id":2,"s":"x"}'
		equals "$(jq -r .reason aside)" 'the program needs more than 128M of memory for this record (--program-memory)'
		rm aside
	done
	fails_with 64 cs-map --program-memory 1M
	fails_with 64 cs-map --program-timeout soon
}

@test "what comes is passed on at once, though more input may follow" {
	mkfifo pipe
	cs-map -f '{n: .id}' --jobs 2 <pipe >out &
	exec 4>pipe
	for n in 1 2 3; do
		echo "{\"id\":$n}" >&4
		for _ in $(seq 500); do [ "$(wc -l <out)" -ge $n ] && break; sleep 0.02; done
		equals "$(cat out)" "$(seq $n | sed 's/.*/{"n":&}/')"
	done
	exec 4>&-
	wait $!
}

@test "large results and long lines go through" {
	jq -nc '{a: [range(20000)], s: ("x" * 300000)}' >in
	cs-map -f '.a[] | {n: .}' --jobs 2 <in >out
	equals "$(wc -l <out)" 20000
	cat in in in in >four
	for jobs in 1 4; do
		cs-map -f '{s, n: (.a | length)}' --jobs $jobs <four >out
		equals "$(jq -c '[.n, (.s | length)]' out | sort -u)" '[20000,300000]'
	done
	cs-map -f 'range(300) as $i | {s, $i}' <in | wc -lc >size
	equals "$(awk '{ print $1 }' size)" 300
}

@test "debug and stderr come out whole with many jobs" {
	seq 2000 | sed 's/.*/{"id":&}/' >in
	succeeds cs-map -f 'if .id % 500 == 0 then debug else . end' --jobs 3 <in
	equals "$output" "$(cat in)"
	equals "$stderr" '["DEBUG:",{"id":500}]
["DEBUG:",{"id":1000}]
["DEBUG:",{"id":1500}]
["DEBUG:",{"id":2000}]'
}

@test "a worker that cannot be talked to: 74 with words, no waiting for one another" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 # it would trace, too
	echo '{"id":1}' >in
	local n said=0
	for n in 1 2 3; do
		fails_with 74 timeout 20 strace -qq -o trace -e trace=sendto -e inject=sendto:error=ENOMEM:when=$n cs-map --jobs 2 -f .id <in
		equals "$output|$stderr" '|cs-map: a worker: Cannot allocate memory'
	done
	case $BUILD in *sanitize*) return ;; esac # which reads files of its own
	for n in $(seq 8 14); do # what loads the program reads, too
		run --separate-stderr timeout 20 strace -qq -o trace -e trace=read -e inject=read:error=EIO:when=$n cs-map --jobs 2 -f .id <in
		case "$status|$output|$stderr" in
		'74|'*'|cs-map: a worker: Input/output error') said=$((said + 1)) ;;
		'74|'*'|cs-map: stdin: '* | '0|{"value":1}|') ;;
		*) echo "read $n: status $status: $output: $stderr"; return 1 ;;
		esac
	done
	equals "$said" 2
}

@test "when cs-map is killed, its workers go too" {
	need ps
	case $(uname) in Linux) ;; *) skip "asks for Linux's parent death signal" ;; esac
	echo '{}' >in
	cs-map -f 'last(range(1e12))' <in >out 3>&- &
	pid=$!
	for _ in $(seq 200); do worker=$(ps -o pid= --ppid "$pid" | tr -d ' ') && [ -n "$worker" ] && break; sleep 0.02; done
	[ -n "$worker" ]
	kill -9 "$pid"
	wait "$pid" || :
	for _ in $(seq 200); do kill -0 "$worker" 2>/dev/null || return 0; [ "$(ps -o stat= -p "$worker" | cut -c1)" = Z ] && return 0; sleep 0.02; done
	return 1
}

@test "who reads from cs-map sees its end, whatever becomes of the workers" {
	printf '%s\n' '{"id":1}' >in
	cs-map -f . <in | cat >out
	equals "$(cat out)" '{"id":1}'
	# A closed pipe ends it as it ends any filter.
	seq 100000 | sed 's/.*/{"id":&}/' >many
	run bash -c 'cs-map -f ". + {a: 1}" --jobs 2 <many | head -n 1; echo "${PIPESTATUS[0]}"'
	equals "$output" $'{"id":1,"a":1}\n141'
}

@test "a closed stdout, or a log that stderr goes to, is left alone" {
	echo '{"id":1}' >in
	run -74 bash -c 'cs-map -f . <in >&-'
	echo before >log
	cs-map -f debug <in >out 2>>log
	cs-map -f debug <in >out 2>>log
	equals "$(cat log)" $'before\n["DEBUG:",{"id":1}]\n["DEBUG:",{"id":1}]'
	run -65 bash -c 'cs-map -f "[range(3)] | .[nan:1]" <in >out 2>>log'
	equals "$(wc -l <log)" 4
}

@test "no memory for libjq: a line that says so, and 74" {
	case $BUILD in *sanitize*) skip "sanitizers take memory of their own" ;; esac
	local size seen=0
	echo '{"a":1}' >in
	for size in $(seq 4600 50 5600); do
		run bash -c "ulimit -v $size; exec cs-map --filter .a <in 2>err"
		case $status in 0 | 64 | 127) continue ;; esac
		equals "$status" 74
		contains "$(tail -n 1 err)" '^cs-map: '
		seen=1
	done
	[ $seen = 1 ] || skip "no limit here lets libjq be loaded and not be started"
}
