#!/usr/bin/env bats
# pipelines/slurm under the engines that run it: by hand, GNU parallel (over ssh too), Slurm, and make on Slurm.
# shellcheck disable=SC2016
load lib

setup_file() {
	start_playground --items 200 --accounts 6 --for 900
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	cp -R "$ROOT/pipelines/slurm/." .
	(umask 077 && echo "$TOKEN" >token && printf '{"base_url":"%s","api_token":"file:token"}' "$PLAYGROUND" >configuration.json)
	printf 'acct-%s\n' 1 2 77 3 >accounts # the third is none
	export DB=sqlite:$PWD/sync.db SLURM_SUBMIT_DIR=$PWD
}

teardown() {
	[ ! -e cluster.d ] || ./cluster stop cluster.d
	curl -sS -X DELETE "$PLAYGROUND/_fault" >/dev/null
}

fault() {
	curl -sS -g -X POST "$PLAYGROUND/_fault?path=/accounts/$1&fault=$2&times=${3:-1}" >/dev/null
}

loaded() {
	sql sync.db 'SELECT account, count(*), round(sum(amount), 2) FROM items GROUP BY 1 ORDER BY 1'
}

# loaded_want N...: what loaded prints of these accounts
loaded_want() {
	local a
	for a; do
		awk -v a="$a" 'BEGIN { for (n = 1; n <= 200; n++) s += (7919 * n + 104729 * a) % 100003; printf "acct-%d|200|%.2f\n", a, s / 100 }'
	done | sed 's/\.\([0-9]\)0$/.\1/; s/\.00$/.0/'
}

cluster_start() {
	need slurmctld slurmd munged sbatch srun
	./cluster start -n 2 -t 400 cluster.d
	export SLURM_CONF=$PWD/cluster.d/slurm.conf
	unset SLURM_SUBMIT_DIR
}

# drained JOB
drained() {
	local i
	for ((i = 0; i < 1500; i++)); do
		[ -n "$(squeue -h -j "$1" 2>/dev/null)" ] || return 0
		sleep 0.2
	done
	squeue
	return 1
}

@test "one account by hand, and names that are none" {
	succeeds ./account acct-1
	equals "$(loaded)" "$(loaded_want 1)"
	ends_with_status 64 ./account '../x'
	ends_with_status 64 ./account
	DB='' ends_with_status 64 ./account acct-1
	ends_with_status 64 env -u DB ./account acct-1
	contains "$stderr" '^account: set DB '
	ends_with_status 69 ./account acct-77
}

@test "GNU parallel: a failing account does not stop the others, and one that is to come later is tried again" {
	need parallel
	sed -i 's/items |$/items --retries 1 |/' account
	fault acct-2/items status:503:0 3
	run -1 parallel -j 2 --retries 3 --joblog log ./account :::: accounts
	equals "$(loaded)" "$(loaded_want 1 2 3)"
	equals "$(awk 'NR > 1 && $7 { print $7, $NF }' log)" '69 acct-77'
}

@test "a task of an array: its line is its account; 75 has an end; TERM keeps what is there" {
	SLURM_ARRAY_TASK_ID=2 succeeds bash sync.sbatch
	contains "$output" 'acct-2 ended with 0'
	SLURM_ARRAY_TASK_ID=9 ends_with_status 64 bash sync.sbatch
	ends_with_status 64 bash sync.sbatch

	mkdir locked
	# another has it, for longer than --wait
	sed -i 's/--wait 2m/--wait 0s/' account
	cs-state --store "$DB" run items/acct-1 -- sh -c 'touch locked/now; until [ -e locked/go ]; do sleep 0.05; done' 3>&- &
	holder=$!
	until [ -e locked/now ]; do sleep 0.05; done
	SLURM_ARRAY_TASK_ID=1 ends_with_status 75 bash sync.sbatch
	SLURM_ARRAY_TASK_ID=1 SLURM_RESTART_COUNT=20 ends_with_status 69 bash sync.sbatch
	contains "$output" 'given up after 20 restarts'
	touch locked/go
	wait $holder

	fault acct-3/items delay:400 0
	SLURM_ARRAY_TASK_ID=4 bash sync.sbatch >out 2>err 3>&- &
	until [ "$(sql sync.db "SELECT records > 0 FROM _cs_state WHERE stream = 'items/acct-3'" 2>/dev/null)" = 1 ]; do sleep 0.05; done
	kill -TERM $!
	wait $! && status=0 || status=$?
	equals "$status" 75
	curl -sS -X DELETE "$PLAYGROUND/_fault" >/dev/null
	SLURM_ARRAY_TASK_ID=4 SLURM_RESTART_COUNT=1 succeeds bash sync.sbatch
	equals "$(loaded)" "$(loaded_want 2 3)"
}

@test "Slurm: an array in which one fails and one is run again after 75; the cluster leaves nothing" {
	cluster_start
	ends_with_status 64 ./cluster start cluster.d
	# The API is away for the first run of acct-2.
	fault acct-2/items status:503:0 2
	sed -i 's/items |$/items --retries 1 |/' account
	job=$(sbatch --parsable --array=1-4%2 sync.sbatch)
	drained "$job"
	equals "$(loaded)" "$(loaded_want 1 2 3)"
	contains "$(cat sync-2.log)" 'acct-2 on n[12], restart 0'
	contains "$(cat sync-2.log)" 'acct-2 ended with 75'
	contains "$(cat sync-2.log)" 'acct-2 ended with 0'
	contains "$(cat sync-3.log)" 'acct-77 ended with 69'

	pids=$(cat cluster.d/*.pid)
	./cluster stop cluster.d
	for pid in $pids; do
		for _ in {1..100}; do
			[[ $(cat "/proc/$pid/comm" 2>/dev/null) =~ slurm|munge ]] || continue 2
			sleep 0.1
		done
		false
	done
}

@test "make with srun as its shell" {
	cluster_start
	cat >Makefile <<'END'
accounts := acct-1 acct-2 acct-3
all: $(accounts)
$(accounts):
	@./account $@ && echo $@ on $$SLURMD_NODENAME
bad:
	@./account acct-77
END
	succeeds make -s -j3 SHELL=/usr/bin/srun .SHELLFLAGS='-Q -N1 -n1 bash -c'
	equals "$(sort <<<"$output" | sed 's/on n[12]/on n/')" $'acct-1 on n\nacct-2 on n\nacct-3 on n'
	equals "$(loaded)" "$(loaded_want 1 2 3)"
	ends_with_status 2 make -s SHELL=/usr/bin/srun .SHELLFLAGS='-Q -N1 -n1 bash -c' bad
	contains "$stderr" 'Error 69'
}

@test "GNU parallel over ssh: two hosts" {
	need parallel ssh sshd ssh-keygen
	run=(timeout 300)
	# As root it wants a directory that its service makes.
	[ "$(id -u)" -ne 0 ] || [ -d /run/sshd ] ||
		run+=(unshare --mount sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec "$@"' sh)
	ssh-keygen -q -t ed25519 -N '' -f host.key
	ssh-keygen -q -t ed25519 -N '' -f user.key
	port=$((RANDOM % 10000 + 20000))
	printf '%s\n' "Port $port" 'ListenAddress 127.0.0.1' "HostKey $PWD/host.key" "AuthorizedKeysFile $PWD/user.key.pub" \
		'StrictModes no' 'UsePAM no' 'PermitRootLogin yes' 'PidFile none' "SetEnv PATH=$PATH DB=$DB" >sshd.conf
	"${run[@]}" "$(command -v sshd)" -D -e -f sshd.conf 2>sshd.log 3>&- &
	sshd=$!
	for _ in {1..100}; do
		(exec 5<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
		sleep 0.1
	done
	login="ssh -q -p $port -i $PWD/user.key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
	run -1 parallel -j 1 --workdir "$PWD" --sshlogin "$login 127.0.0.1,$login localhost" --joblog log ./account :::: accounts
	kill $sshd
	equals "$(loaded)" "$(loaded_want 1 2 3)"
	contains "$output" 'no account acct-77'
}
