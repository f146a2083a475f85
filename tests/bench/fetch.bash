# shellcheck shell=bash disable=SC2154 # read by run
# cs-fetch beside python3's requests, Node's fetch, curl and jq. The server is not measured, only who asks it: nginx with
# files, so that it is not what they wait for, and slow.py where a server is to take its time.
need jq curl
n=${RECORDS:-200000}
pages=$((n / 1000))
export NO_PROXY='*'

# waits FILE: until it is there.
waits() {
	local i
	for ((i = 0; i < 200; i++)); do [ ! -s "$1" ] || return 0; sleep 0.05; done
	echo "bench: no server" >&2
	return 1
}

# array COUNT FILE: its lines as a JSON array, with what stands around it.
array() {
	printf '{"total":%d,"data":[' "$1"
	paste -sd, "$2" | tr -d '\n'
	printf ']}'
}

# cut_pages DIR COUNT: so many records, a thousand on a page, as DIR/1.json and so on.
cut_pages() {
	local i=0 part
	rm -rf "$1" pages.*
	mkdir -p "$1"
	split -l 1000 -d -a 5 "$(data hr "$2")" pages.
	for part in pages.*; do
		i=$((i + 1))
		array "$2" "$part" >"$1/$i.json"
		rm "$part"
	done
}

# serve_files: nginx on a free port of the loopback; sets url. Pages of 1000, and all in one.
serve_files() {
	local file root=$PWD/www i port
	file=$(data hr "$n")
	cut_pages www "$n"
	# Five times over, so that it is 400 MB.
	for i in 1 2 3 4 5; do cat "$file"; done >five
	array $((5 * n)) five >www/all.json
	rm five
	for port in 18181 18182 18183 18184; do
		cat >nginx.conf <<-EOF2
			daemon off; worker_processes 1; pid $PWD/nginx.pid; error_log $PWD/nginx.log;
			events { worker_connections 256; }
			http {
				access_log off; keepalive_requests 100000; types { application/json json; }
				client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
				uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
				server { listen 127.0.0.1:$port; root $root; location = /items { try_files /\$arg_page.json =404; } }
			}
		EOF2
		rm -f nginx.pid
		nginx -c "$PWD/nginx.conf" 2>nginx.err &
		local server=$!
		sleep 0.5
		if kill -0 $server 2>/dev/null; then
			stop+=("kill $server")
			url=http://127.0.0.1:$port
			return 0
		fi
	done
	cat nginx.err >&2
	return 1
}

if command -v nginx >/dev/null && serve_files; then
	title "cs-fetch: $n records in pages of 1000, $(cat www/[0-9]*.json | wc -c | awk '{ printf "%d", $1 / 1e6 }') MB"
	fetch="cs-fetch $url/items --records .data --paginate page --total .total"
	if python3 -c 'import requests' 2>/dev/null; then
		row 'pages' requests "$fetch" "python3 $here/fetch.py $url/items $pages" 0.05
	else
		echo 'python3 has no requests: left out'
	fi
	if command -v node >/dev/null; then
		row 'pages' node "$fetch" "node $here/fetch.mjs $url/items $pages" 0.1
	else
		echo 'node is not installed: left out'
	fi
	row 'pages' curl,jq "$fetch" "curl -sSf '$url/items?page=[1-$pages]' | jq -c '.data[]'"
	row 'pages; the other drops them' curl "$fetch" "curl -sSf -o /dev/null '$url/items?page=[1-$pages]'" 3
	row '16 in flight (24 MiB)' curl "$fetch --parallel 16" "curl -sSf -o /dev/null '$url/items?page=[1-$pages]'"
	row 'all in one reply (16 MiB)' curl "cs-fetch $url/all.json --records .data" "curl -sSf -o /dev/null $url/all.json"
	row 'one small page, start-up' curl "cs-fetch '$url/items?page=1' --records .data --max-records 1" "curl -sSf '$url/items?page=1'"
	cost "$fetch"
	awk -v n="$n" -v s="$cpu" 'BEGIN { printf "pages: %.2f million records in a second of CPU%s\n", n / s / 1e6, (n / s < 1e6) ? "   missed (1.0)" : "" }'
	cost "cs-fetch '$url/items?page=1' --records .data --max-records 1"
	awk -v s="$cpu" 'BEGIN { printf "one small page: %.0f ms of CPU%s\n", s * 1000, (s > 0.02) ? "   missed (20)" : "" }'
	cost "$fetch --parallel 16 | { sleep ${STOPPED:-60}; cat; }"
	awk -v kib="$rss" -v s="${STOPPED:-60}" 'BEGIN {
		printf "16 in flight, a reader that stops for %d s: %.1f MiB%s\n", s, kib / 1024, (kib > 24 * 1024) ? "   missed (24)" : ""
	}'
	rm -rf www
else
	echo 'nginx is not installed, or does not start: its rows are left out'
fi

cut_pages slow 100000
rm -f port
python3 "$here/slow.py" slow port &
stop+=("kill $!")
waits port
slow="http://127.0.0.1:$(cat port)/"

# What a server's thinking costs: seconds by the clock, also in fetch-latency.csv.
printf '\n100 pages of 1000 at 100 ms each: seconds by the clock, and how many times what they cannot go below\n'
echo 'who,in_flight,seconds,times_ideal' >"$BUILD/bench/fetch-latency.csv"

# late WHO IN-FLIGHT GOAL COMMAND…: one line of it. Sets seconds.
late() {
	local who=$1 k=$2 goal=$3
	shift 3
	rm -f cost
	usage -o cost "$@" >out
	read -r _ _ seconds _ <cost
	awk -v who="$who" -v k="$k" -v s="$seconds" -v goal="$goal" -v csv="$BUILD/bench/fetch-latency.csv" 'BEGIN {
		times = s / (int((100 + k - 1) / k) * 0.1)
		printf "%-10s %2d in flight %17.2f %8.2f %s\n", who, k, s, times, (goal != "" && times > goal) ? "missed (" goal ")" : ""
		printf "%s,%d,%.3f,%.3f\n", who, k, s, times >>csv
	}'
}
eight=''
for k in 1 2 4 8 16; do
	late cs-fetch $k "$([ $k != 8 ] || echo 1.15)" cs-fetch "$slow" --records .data --paginate page --total .total --parallel $k
	[ $k != 8 ] || eight=$seconds
done
if python3 -c 'import requests' 2>/dev/null; then
	late requests 1 '' python3 "$here/fetch.py" "$slow" 100
	awk -v a="$eight" -v b="$seconds" 'BEGIN { printf "cs-fetch with 8 in flight is %.1f times as fast as requests%s\n", b / a, b < 8 * a ? "   missed (8)" : "" }'
fi
