#!/bin/sh
# make demo: run both seed pipelines against a local API, twice, and show what came of it.
# The databases stay in demo/.
set -eu
cd "$(dirname "$0")/.."
BUILD=$(cd "${BUILD:-build}" && pwd)
PATH=$BUILD:$PATH
export PATH NO_PROXY='*'
unset MAKEFLAGS MFLAGS MAKELEVEL CS_STATE CS_STATE_STORE
rm -rf demo
mkdir demo
cd demo
dir=$PWD

# The server: any free port, a token of its own, gone when this script is.
TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export TOKEN
newest=$(date -u +%Y-%m-%dT%H:00:00Z)
PLAYGROUND_TOKEN=$TOKEN playground --port 0 --port-file port --log requests --quiet --newest "$newest" &
server=$!
trap 'kill "$server" 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM
for _ in $(seq 100); do
	[ -s port ] && break
	sleep 0.05
done
url=http://127.0.0.1:$(cat port)

# A token is configured by saying where it is.
umask 077
echo '{"bearer_token": "env:TOKEN", "base_url": "'"$url"'"}' >http-bearer.json
echo '{"api_token": "env:TOKEN", "base_url": "'"$url"'/seed/api", "initial_sync_days": "365"}' >humaans.json

# sync RUN PIPELINE: run it, and keep what each stream's loader counted and what the processes cost.
sync() {
	mkdir -p "stats/$1/$2"
	usage -o costs make -s -j3 -C "../pipelines/$2" CS_BIN="$BUILD" DB="$dir/$2.db" CONFIG="$dir/$2.json" FORCE=1 \
		LOAD="--stats $dir/stats/$1/$2/\$@" >>log 2>&1 || { tail log; exit 1; }
}

show() { # DATABASE QUERY
	sqlite3 -readonly -column -header "$1" "$2"
}

counts() { # RUN: of each stream
	for file in stats/"$1"/*/*; do
		sqlite3 :memory: "select printf('%-12s %-12s %6d inserted  %6d updated  %6d unchanged',
			'$(basename "$(dirname "$file")")', '$(basename "$file")', json_extract(s, '\$.inserted'),
			json_extract(s, '\$.updated'), json_extract(s, '\$.unchanged'))
			from (select cast(readfile('$file') as text) as s)"
	done
}

for run in 1 2; do
	before=$(wc -l <requests)
	for pipeline in http-bearer humaans; do
		sync "$run" "$pipeline"
	done
	echo "Run $run: $(($(wc -l <requests) - before)) requests"
	counts "$run"
	echo
done

for db in http-bearer humaans; do
	for table in $(sqlite3 -readonly "$db.db" "select name from sqlite_master where type = 'table' and name not like '\\_%' escape '\\'"); do
		echo "demo/$db.db: $table, $(sqlite3 -readonly "$db.db" "select count(*) from \"$table\"") rows"
	done
done
echo
show http-bearer.db 'select name, email, substr(job, 1, 24) as job from user limit 3'
echo
show humaans.db "select substr(name, 1, 20) as name, address_city, updated_at from companies order by updated_at desc limit 3"
echo
show humaans.db "select substr(name, 1, 20) as name, salary_range_min as min, salary_range_max as max, salary_currency as currency,
	substr(requirements, 1, 24) as requirements from job_roles limit 3"
echo
awk '{ cpu += $1 + $2; time += $3; if ($4 > rss) rss = $4 }
	END { printf "%.1f s, of which %.1f s CPU; no process took more than %.1f MiB of memory\n", time, cpu, rss / 1024 }' costs
