# A private PostgreSQL for a test file. After load lib: load postgres; start_postgres in setup_file, stop_postgres in
# teardown_file, new_database in setup or where one is needed.
#
# It listens on the loopback and on a socket of its own, runs as nobody where the tests run as root, and ends by
# itself, its files with it, when they are gone, however they ended. Skips where there is no PostgreSQL.
# shellcheck shell=bash disable=SC2154,SC2120

# Debian keeps its programs apart.
pg_program() {
	local dir
	for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* | sort -Vr); do
		[ -x "$dir/$1" ] && echo "$dir/$1" && return
	done
	command -v "$1"
}

# pg_as COMMAND…: as the user who the server belongs to. It refuses to be root.
pg_as() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups env HOME=/nonexistent "$@"
	else
		"$@"
	fi
}

# start_postgres [NAME=VALUE…]: exports PG_DIR, PG_PORT and PG, the URL of a database that is there at first (postgres).
# The user "cs" is trusted; "locked" needs a password, which is $PG_SECRET.
start_postgres() {
	local i
	pg_program postgres >/dev/null || return 0 # each test skips
	PG_DIR=$(mktemp -d /tmp/cs-pg.XXXXXX) || return 1
	chmod 711 "$PG_DIR"
	[ "$(id -u)" -ne 0 ] || chown nobody "$PG_DIR"
	PG_SECRET=${TOKEN_MARK:-token}-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
	PG_SETTINGS=$(printf ' -c %s' "$@" | sed 's/^ -c $//')
	export PG_DIR PG_SECRET PG_SETTINGS
	pg_watch $$ "$PG_DIR" >/dev/null 2>&1 3>&- &
	disown
	cd / || return 1
	if ! pg_as "$(pg_program initdb)" -D "$PG_DIR/data" -U cs -A trust -E UTF8 --locale=C --no-sync >"$PG_DIR.log" 2>&1; then
		cat "$PG_DIR.log"
		return 1
	fi
	printf '%s\n' "local all all trust" "host all locked 127.0.0.1/32 scram-sha-256" "host all,replication all 127.0.0.1/32 trust" \
		>"$PG_DIR/data/pg_hba.conf"
	for ((i = 0; i < 20; i++)); do
		PG_PORT=$((RANDOM % 20000 + 20000))
		run_postgres && break
	done
	export PG_PORT PG_URL=postgres://cs@127.0.0.1:$PG_PORT
	export PG=$PG_URL/postgres
	query "create role locked superuser login password '$PG_SECRET'"
	cd - >/dev/null || return 1
}

# Start it on PG_PORT, and wait until it answers.
run_postgres() {
	# shellcheck disable=SC2086 # options
	(cd / && pg_as "$(pg_program pg_ctl)" -D "$PG_DIR/data" -l "$PG_DIR/log" -w -t 60 -o "-p $PG_PORT -k $PG_DIR \
		-c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off \
		-c shared_buffers=32MB -c autovacuum=off -c jit=off -c max_connections=40 -c wal_level=minimal \
		-c max_wal_senders=0 $PG_SETTINGS" start) >/dev/null 2>&1 3>&- 4>&-
}

# start_pooler SIZE: PgBouncer in transaction mode with so many connections to it; sets pool_port and pooler, its pid.
start_pooler() {
	local i pool=$PG_DIR/pool
	mkdir -p "$pool"
	echo '"cs" ""' >"$pool/users"
	for ((i = 0; i < 10; i++)); do
		pool_port=$((RANDOM % 12000 + 20000)) # another may have it
		cat >"$pool/ini" <<-END
			[databases]
			* = host=127.0.0.1 port=$PG_PORT
			[pgbouncer]
			listen_addr = 127.0.0.1
			listen_port = $pool_port
			auth_type = trust
			auth_file = $pool/users
			pool_mode = transaction
			default_pool_size = $1
			unix_socket_dir =
			logfile = $pool/log
			pidfile = $pool/pid
		END
		[ "$(id -u)" -ne 0 ] || chown -R nobody "$pool"
		(cd / && pg_as "$(command -v pgbouncer)" -q "$pool/ini") >/dev/null 2>&1 3>&- &
		pooler=$!
		while kill -0 "$pooler" 2>/dev/null; do
			if [ -s "$pool/pid" ]; then
				pooler=$(cat "$pool/pid")
				return
			fi
			sleep 0.05
		done
	done
	cat "$pool/log"
	return 1
}

# halt_postgres [fast|immediate]: it is down until run_postgres.
halt_postgres() {
	(cd / && pg_as "$(pg_program pg_ctl)" -D "$PG_DIR/data" -w -m "${1:-immediate}" stop) >/dev/null 2>&1
}

# The process that clears up behind those who cannot any more.
pg_watch() {
	while kill -0 "$1" && [ -e "$2" ]; do sleep 0.5; done
	[ ! -e "$2/bouncer.pid" ] || kill "$(cat "$2/bouncer.pid")"
	kill -QUIT "$(head -n 1 "$2/data/postmaster.pid")" && sleep 0.5
	rm -rf "$2" "$2.log"
}

stop_postgres() {
	[ -n "${PG_DIR:-}" ] || return 0
	[ ! -e "$PG_DIR/bouncer.pid" ] || kill "$(cat "$PG_DIR/bouncer.pid")" 2>/dev/null || :
	halt_postgres immediate
	rm -rf "$PG_DIR" "$PG_DIR.log"
}

# new_database: PG is the URL of an empty one from here on.
new_database() {
	[ -n "${PG_URL:-}" ] || skip "PostgreSQL is not installed"
	local name=d$BATS_SUITE_TEST_NUMBER$RANDOM
	PG=$PG_URL/postgres query "create database $name"
	export PG=$PG_URL/$name
}

# query SQL…: rows with | between the columns, as sqlite3(1) has them.
query() {
	PGOPTIONS='-c client_min_messages=warning' psql -XAtq -v ON_ERROR_STOP=1 "$PG" "${@/#/-c}"
}
