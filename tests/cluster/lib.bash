# A cluster in network namespaces, for run and growth. All of it is inside one network, mount and process namespace, and
# gone with that: see enter.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${BUILD:-$ROOT/build}" && pwd) || exit 74
export ROOT BUILD PATH=$BUILD:$PATH:/usr/sbin:/sbin TZ=UTC LC_ALL=C.UTF-8
# shellcheck source=tests/postgres.bash
. "$ROOT/tests/postgres.bash"

skip() {
	echo "skipped: $*"
	exit 0
}

# enter SCRIPT ARGUMENT...: run it with namespaces of its own, in which nothing outlives it.
enter() {
	unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private "$@"
}

need_cluster() {
	local program
	[ "$(id -u)" -eq 0 ] || skip "network namespaces need root"
	enter true 2>/dev/null || skip "no namespaces here"
	for program in slurmctld slurmd munged sbatch ip nsenter setpriv; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
	pg_program postgres >/dev/null || skip "PostgreSQL is not installed"
}

on() {
	"$ROOT/tests/cluster/on" "$@"
}

# network HOST...: a switch and that many machines, the first being 10.77.0.2.
network() {
	local host n=2
	mount -t tmpfs tmpfs /run/netns 2>/dev/null || { mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns; }
	ip link set lo up
	ip link add switch type bridge && ip addr add 10.77.0.1/24 dev switch && ip link set switch up || return 1
	cp /etc/hosts "$WORK/hosts"
	for host; do
		ip netns add "$host"
		ip link add "v-$host" type veth peer name eth0 netns "$host"
		ip link set "v-$host" master switch up
		nsenter --net="/run/netns/$host" sh -c "ip link set lo up && ip addr add 10.77.0.$n/24 dev eth0 && ip link set eth0 up"
		echo "10.77.0.$n $host" >>"$WORK/hosts"
		n=$((n + 1))
	done
	mount --bind "$WORK/hosts" /etc/hosts
}

address() {
	sed -n "s/ $1\$//p" "$WORK/hosts"
}

# cut HOST OTHER, mend HOST OTHER: packets between them are lost, or arrive again.
cut() {
	on "$1" ip route add blackhole "$(address "$2")"
}

mend() {
	on "$1" ip route del blackhole "$(address "$2")"
}

# The database: db1, and db2 which follows it. The URL tells no password: DB.
start_databases() {
	local settings
	PG=$WORK/pg
	SECRET=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
	mkdir "$PG" "$PG/db1.run" "$PG/db2.run" && chown -R nobody "$PG" && chmod 711 "$PG" || return 1
	cd / && pg_as "$(pg_program initdb)" -D "$PG/db1" -U cs -A trust -E UTF8 --locale=C --no-sync >"$PG.log" 2>&1 || return 1
	settings='fsync=off full_page_writes=off shared_buffers=64MB jit=off max_connections=100 wal_level=replica
		max_wal_senders=5 wal_keep_size=256MB hot_standby=on'
	for name in $settings; do echo "${name%%=*} = '${name#*=}'"; done >>"$PG/db1/postgresql.conf"
	printf '%s\n' 'local all all trust' 'host replication cs 10.77.0.0/24 trust' \
		'host all all 10.77.0.0/24 scram-sha-256' >"$PG/db1/pg_hba.conf"
	start_database db1 || return 1
	psql -Xq "host=$PG/db1.run user=cs dbname=postgres" -c "create role sync login password '$SECRET'" \
		-c 'create database sync owner sync' || return 1
	cd / && on db2 setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups \
		"$(pg_program pg_basebackup)" -h db1 -U cs -D "$PG/db2" -R -X stream -c fast >>"$PG.log" 2>&1 || return 1
	start_database db2 || return 1
	(
		umask 077
		echo "*:*:*:sync:$SECRET" >"$WORK/pgpass"
		printf '%s\n' '[sync]' host=db1,db2 target_session_attrs=read-write dbname=sync user=sync connect_timeout=3 \
			"passfile=$WORK/pgpass" >"$WORK/pg_service.conf"
	)
	export PGSERVICEFILE=$WORK/pg_service.conf DB='postgres:///?service=sync'
	cd "$WORK" || return 1
}

start_database() {
	(cd / && on "$1" setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups "$(pg_program pg_ctl)" -D "$PG/$1" \
		-l "$PG/$1.log" -w -t 60 -o "-k $PG/$1.run -c listen_addresses=$1" start) >>"$PG.log" 2>&1
}

# query SQL...: of the database that takes writes
query() {
	psql -XAtq -v ON_ERROR_STOP=1 'service=sync' "${@/#/-c}"
}

# start_api [OPTION...]: the playground, with a token of its own, in the namespace api.
start_api() {
	(umask 077 && od -An -N12 -tx1 /dev/urandom | tr -d ' \n' >"$WORK/token")
	on api "$BUILD/playground" --address "$(address api)" --port 5001 --token-file "$WORK/token" --quiet \
		--log "$WORK/api.log" "$@" </dev/null >"$WORK/api.out" 2>&1 &
	for _ in {1..100}; do
		curl -sf --noproxy '*' http://api:5001/_fault >/dev/null && return
		sleep 0.05
	done
	cat "$WORK/api.out"
	return 1
}

# think MS: how long the API does, before each answer.
think() {
	curl -sf --noproxy '*' -X POST "http://api:5001/_fault?path=/accounts/&fault=delay:$1&times=0" >/dev/null
}

# start_slurm NODE...: and the folder of the pipeline, with accounts 1 to $COUNT
start_slurm() {
	local node nodes=()
	for node; do nodes+=("$node=$(address "$node")"); done
	"$ROOT/pipelines/slurm/cluster" start -o "$ROOT/tests/cluster/on" "$WORK/slurm" "ctl=$(address ctl)" "${nodes[@]}" || return 1
	export SLURM_CONF=$WORK/slurm/slurm.conf
	cp -r "$ROOT/pipelines/slurm" "$WORK/pipeline"
	cd "$WORK/pipeline" || return 1
	echo '{"base_url":"http://api:5001","api_token":"file:../token"}' >configuration.json
	chmod 600 configuration.json
	for ((i = 1; i <= COUNT; i++)); do echo "acct-$i"; done >accounts
}

# submit TASKS [OPTION...]: the array job; prints its number.
submit() {
	local tasks=$1
	shift
	on ctl sbatch --parsable --array="$tasks" "$@" sync.sbatch
}

# How many of its tasks are not over yet.
left() {
	on ctl squeue -h -r -j "$1" -t all -o '%T' 2>/dev/null | grep -Evc 'COMPLETED|FAILED|CANCELLED|TIMEOUT' || :
}

# drained JOB SECONDS
drained() {
	local end=$((SECONDS + $2))
	while [ "$(left "$1")" -gt 0 ]; do
		[ $SECONDS -lt $end ] || { echo "job $1 is not over after $2 s:" && on ctl squeue -r && return 1; }
		sleep 0.5
	done
}

# The accounts that had no successful run yet, for --array.
unfinished() {
	[ -n "$(query "select to_regclass('_cs_run')")" ] || { echo "1-$COUNT" && return; }
	query "select string_agg(n::text, ',' order by n) from generate_series(1, $COUNT) n
		where not exists (select from _cs_run where stream = 'items/acct-' || n and done)"
}

# What must be there, computed without any of the tools.
expected() {
	awk -v accounts="$COUNT" -v items="$ITEMS" 'BEGIN {
		for (a = 1; a <= accounts; a++)
			for (n = 1; n <= items; n++)
				sum += (7919 * n + 104729 * a) % 100003
		printf "%d|%d|%d|%.2f\n", accounts * items, accounts * items, accounts, sum / 100
	}'
}

# Rows, distinct rows, accounts, sum.
loaded() {
	query "select count(*), count(distinct (account, id)), count(distinct account), sum(amount) from items"
}
