#!/usr/bin/env bats
# cs-load --to postgres://, against a private PostgreSQL. What a record means is in the cases that SQLite has, too.
load lib
load cases
load postgres

setup_file() {
	start_postgres
}

teardown_file() {
	stop_postgres
}

setup() {
	start_in_tmpdir
	new_database
}

begin() {
	echo '{"@cs":"begin","version":1,"stream":"s","run":"r1","mode":"incremental","from":null}'
}

checkpoint() {
	printf '{"@cs":"checkpoint","stream":"s","state":%s}\n' "$1"
}

end() {
	echo '{"@cs":"end","stream":"s","run":"r1","complete":true}'
}

@test "every case gives what it should on PostgreSQL" {
	run_cases postgres "$ROOT"/tests/data/load/{types,keyless,losses,tables}.cases
}

@test "every case gives what it should with SQL that others than PostgreSQL know" {
	CS_PG_PORTABLE=1 run_cases postgres "$ROOT"/tests/data/load/{types,keyless,losses,tables}.cases
}

@test "libpq is loaded for a PostgreSQL server alone" {
	run -1 bash -c 'ldd "$BUILD"/cs-load | grep libpq'
	run -0 bash -c 'echo "{}" | ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat cs-load --to ndjson:out 2>&1'
	lacks "$output" libpq
}

@test "what the server says of a wrong password, user, host or database, and never the password" {
	echo '{"id":1}' >in
	fails_with 77 cs-load --to "postgres://locked:${TOKEN_MARK:-token}wrong@127.0.0.1:$PG_PORT/postgres" --table t <in
	contains "$stderr" 'password authentication failed for user "locked"'
	lacks "$stderr" wrong
	fails_with 77 cs-load --to "postgres://locked@127.0.0.1:$PG_PORT/postgres" --table t <in
	contains "$stderr" 'no password supplied'
	fails_with 77 cs-load --to "postgres://nobody@127.0.0.1:$PG_PORT/postgres" --table t <in
	contains "$stderr" 'role "nobody" does not exist'
	fails_with 69 cs-load --to "$PG_URL/nowhere" --table t <in
	contains "$stderr" 'database "nowhere" does not exist'
	fails_with 75 cs-load --to postgres://127.0.0.1:1/x --table t <in
	contains "$stderr" 'Connection refused'
	fails_with 75 cs-load --to postgres://no.such.host.invalid/x --table t <in
	contains "$stderr" 'no.such.host.invalid'
	fails_with 64 cs-load --to 'postgres://u:pa%zzss@127.0.0.1/x' --table t <in
	lacks "$stderr" zz
	fails_with 64 cs-load --to 'postgres://u:pa/ss@127.0.0.1/x' --table t <in
	lacks "$stderr" ss@
	fails_with 64 cs-load --to "postgres://127.0.0.1/x?nosuch=1" --table t <in
	# the password of the environment, of a file, of the URI; several hosts, the first down
	PGPASSWORD=$PG_SECRET cs-load --to "postgres://locked@127.0.0.1:$PG_PORT/postgres" --table t --dry-run -q <in
	printf '*:*:*:locked:%s\n' "$PG_SECRET" >pass && chmod 600 pass
	PGPASSFILE=$PWD/pass cs-load --to "postgres://locked@127.0.0.1:1,127.0.0.1:$PG_PORT/postgres?target_session_attrs=read-write" --table t -nq <in
	rm pass
	printf '[here]\nhost=127.0.0.1\nport=%s\nuser=cs\ndbname=postgres\n' "$PG_PORT" >service
	PGSERVICEFILE=$PWD/service cs-load --to 'postgresql:///?service=here' --table t --dry-run -q <in
}

@test "a password in the command line is overwritten before anybody looks" {
	cs-load --to "postgres://locked:$PG_SECRET@127.0.0.1:$PG_PORT/postgres" --table t --dry-run < <(sleep 1) 2>err 3>&- &
	for _ in {1..50}; do
		[ "$(tr '\0' ' ' </proc/$!/cmdline | cut -c1-9)" = 'cs-load -' ] && grep -q xxxxx /proc/$!/cmdline && break
		sleep 0.02
	done
	run cat /proc/$!/cmdline
	lacks "$output" "$PG_SECRET"
	contains "$output" locked:xxx
	wait $!
}

@test "names that the server would cut, or that differ only in case, are refused with both names" {
	long=$(printf 'n%.0s' {1..70})
	fails_with 65 cs-load --to "$PG" --table t --key id <<<"{\"id\":1,\"$long\":2}"
	contains "$stderr" "column \"$long\" would become \"${long:7}\""
	fails_with 65 cs-load --to "$PG" --table "$long" <<<'{"id":1}'
	contains "$stderr" "table \"$long\" would become \"${long:7}\""
	cs-load --to "$PG" --table Orders <<<'{"id":1}'
	fails_with 65 cs-load --to "$PG" --table orders <<<'{"id":1}'
	contains "$stderr" 'table "orders" differs from table "Orders" only in case'
	query 'create view v as select 1 id'
	fails_with 64 cs-load --to "$PG" --table v <<<'{"id":1}'
	contains "$stderr" '"v" is a view, not a table'
	query 'create sequence s'
	fails_with 64 cs-load --to "$PG" --table s <<<'{"id":1}'
	contains "$stderr" '"s" is a sequence, not a table'
	# a name of which there is a column already is no race with another loader
	fails_with 65 cs-load --to "$PG" --table t <<<'{"id":1,"xmin":2}'
	contains "$stderr" 'stdin:1: column "xmin": every table has one'
	cs-load --to "$PG" --table t <<<'{"id":1,"oid":2,"Xmin":3}'
}

@test "indexes of tables with long names are made, each for itself" {
	local a=xéééééééééééééééééééééééééééééé b
	b=${a}b a=${a}a
	for t in "$a" "$b"; do
		cs-load --to "$PG" --table "$t" --key id --mode history --index aaaaaaaaaaaaaaaaaaaaaaaaaaaa,b --index aaaaaaaaaaaaaaaaaaaaaaaaaaaa,c \
			<<<'{"id":1,"aaaaaaaaaaaaaaaaaaaaaaaaaaaa":1,"b":2,"c":3}'
		query "alter table \"$t\" rename to \"${t}1\"" "create table \"$t\" (id int)"
		cs-load --to "$PG" --table "$t" --key id <<<'{"id":1}'
	done
	equals "$(query "select tablename, count(*), count(*) filter (where indexdef like '%UNIQUE%WHERE active') from pg_indexes
		where tablename like 'xé%' group by 1 order by 1")" "$(printf '%s\n' "${a}|1|0" "${a}1|4|1" "${b}|1|0" "${b}1|4|1")"
}

@test "an index whose name is another's is made under another name" {
	query 'create table u(b int)' 'create index idx_t_a on u(b)' 'create index t_cs_key on u(b)' 'create table t(id int, a int)'
	cs-load --to "$PG" --table t --key id --index a <<<'{"id":1,"a":1}'
	equals "$(query "select count(*), count(*) filter (where indexdef like '%UNIQUE% (id)') from pg_indexes where tablename = 't'")" '2|1'
	cs-load --to "$PG" --table t --key id --index a --index a <<<'{"id":1,"a":2}'
	equals "$(query "select count(*) from pg_indexes where tablename = 't'")" 2
	query 'create table d(id int)' 'insert into d values (1), (1)'
	fails_with 65 cs-load --to "$PG" --table d --key id <<<'{"id":1}'
	contains "$stderr" 'none can be made: it holds rows with equal keys'
}

@test "what only the server can know is known by record: constraints, types that cs-load does not know" {
	query "create table t(id int primary key, n smallint not null, u uuid, d date, ts timestamptz, num numeric(5,2),
		vc varchar(3), c int check (c > 0), m text unique, f real, b bytea, tags text[])"
	cat >in <<'END'
{"id":1,"n":1,"m":"x"}
{"id":2}
{"id":3,"n":40000}
{"id":4,"n":1,"u":"abc"}
{"id":5,"n":1,"d":"2024-01-01T00:00:00"}
{"id":6,"n":1,"num":1.234}
{"id":7,"n":1,"vc":"abcd"}
{"id":8,"n":1,"u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","d":"2024-02-29","ts":"2024-02-29T01:02:03+05:30","num":1.2,"vc":"äöü","f":0.1,"b":"a\\b","tags":"{a,b}"}
{"id":1,"vc":"x"}
{"id":9,"n":1,"c":0}
{"id":10,"n":1,"m":"x"}
{"id":11,"n":1,"f":0.123456789}
{"id":12,"n":1,"ts":"2024-02-29T01:02:03"}
{"id":13,"n":1,"ts":"2024-02-29T01:02:03.1234567Z"}
{"id":14,"n":1,"vc":"ab  "}
{"id":15,"n":1,"new":[1]}
{"id":16,"n":1,"new":"\u0000"}
{"id":17,"n":1,"new":{"a":"\u0000"}}
END
	ends_with_status 1 cs-load --to "$PG" --table t --key id --rejects bad --stats stats <in
	equals "$(jq -c '[.inserted, .updated, .rejected, .columns_added]' stats)" '[3,1,14,["new"]]'
	equals "$(jq .line bad | sort -n | tr '\n' ' ')" '2 3 4 5 6 7 10 11 12 13 14 15 17 18 ' || { cat bad; false; }
	equals "$(jq -r 'select(.line == 4) | .reason, .record' bad)" $'invalid input syntax for type uuid: "abc"\n{"id":4,"n":1,"u":"abc"}'
	equals "$(query 'select id, n, vc, new from t order by id')" $'1|1|x|\n8|1|äöü|\n15|1||[1]'
	equals "$(query "select ts at time zone 'UTC', num, encode(b, 'escape'), tags[2] from t where id = 8")" '2024-02-28 19:32:03|1.20|a\\b|b'
}

@test "values that the column would round or cut are refused; what it compares in its own way is compared as it is" {
	local e=citext
	query "create extension $e" || e=text
	query 'create domain d as timestamptz(0)' "create table t(id int primary key, s timestamp(0), m timestamptz(3), d d,
		h time(1), z timetz, c \"char\", n name, w numeric(3,-2), q tsquery, b box, e $e)"
	cat >in <<'END'
{"id":1,"s":"2024-01-01T12:34:56.0","m":"2024-01-01T12:34:56.789Z","d":"2024-01-01T12:34:56Z","h":"12:34:56.70","z":"12:34:56.123456+02","c":"x","n":"n","q":"a & b","b":"(1,1),(0,0)","e":"Ann"}
{"id":2,"s":"2024-01-01T12:34:56.7"}
{"id":3,"m":"9999-12-31T23:59:59.9999Z"}
{"id":4,"d":"2024-01-01T12:34:56.5Z"}
{"id":5,"h":"12:34:56.71"}
{"id":6,"h":"12:34:56+02"}
{"id":7,"h":"2024-01-01 12:34:56"}
{"id":8,"z":"12:34:56.1234567"}
{"id":9,"c":"é"}
{"id":10,"n":"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"}
{"id":11,"w":true}
{"id":12,"q":"a &"}
END
	ends_with_status 1 cs-load --to "$PG" --table t --key id --rejects bad --stats stats <in
	equals "$(jq .line bad | sort -n | paste -sd' ')" '2 3 4 5 6 7 8 9 10 11 12' || { cat bad; false; }
	equals "$(query 'select s, m, d, h, z, c, n, q from t')" \
		"2024-01-01 12:34:56|2024-01-01 12:34:56.789+00|2024-01-01 12:34:56+00|12:34:56.7|12:34:56.123456+02|x|n|'a' & 'b'"
	cs-load --to "$PG" --table t --key id --stats stats <<<'{"id":1,"b":"(2,1),(1,0)","e":"ANN"}'
	equals "$(jq -c '[.updated, .unchanged]' stats)" '[1,0]'
	cs-load --to "$PG" --table t --key id --stats stats < <(head -n 1 in; sed -n '1s/Ann/ann/p' in)
	equals "$(jq -c '[.updated, .unchanged]' stats)" '[2,0]'
	equals "$(query 'select b, e from t')" '(1,1),(0,0)|ann'
}

@test "what a trigger raises is the record's fault" {
	query 'create table t(id int primary key, v int)' "create function no() returns trigger language plpgsql as \$\$
		begin if new.v = 2 then raise exception 'no two'; end if; return new; end \$\$" \
		'create trigger no before insert or update on t for each row execute function no()'
	printf '{"id":%d,"v":%d}\n' 1 1 2 2 3 3 >in
	ends_with_status 1 cs-load --to "$PG" --table t --key id --rejects bad <in
	equals "$(jq -c '[.line, .reason]' bad)" '[2,"no two"]'
	fails_with 65 cs-load --to "$PG" --table t --key id <in
	equals "$stderr" 'cs-load: stdin:2: no two'
}

@test "a record that the server refuses ends the run there, and what its last checkpoint covers is kept" {
	query 'create table t(id int primary key, n int check (n > 0))'
	{ begin; for i in 1 2 3 4; do echo "{\"id\":$i,\"n\":$((3 - i))}"; checkpoint "$i"; done; end; } >in
	fails_with 65 cs-load --to "$PG" --table t --key id <in
	contains "$stderr" 'stdin:6: new row for relation "t" violates check constraint'
	equals "$output" "$(printf '{"@cs":"checkpoint","stream":"s","state":%d}\n' 1 2)" || { echo "$output"; false; }
	equals "$(query 'select id from t order by 1')" $'1\n2'
	equals "$(query 'select state from _cs_state')" 2
}

@test "a constraint that waits for the commit: nothing is kept or acknowledged" {
	query 'create table p(id int primary key)' 'create table t(id int primary key, p int references p deferrable initially deferred)'
	cs-load --to "$PG" --table t --key id <<<$'{"id":1,"p":1}\n{"@cs":{"table":"p"},"id":1}'
	{ begin; echo '{"id":2,"p":7}'; checkpoint 1; end; } >in
	fails_with 65 cs-load --to "$PG" --table t --key id <in
	contains "$stderr" 'violates foreign key constraint'
	equals "$output" ''
	equals "$(query 'select id from t' 'select count(*) from _cs_state')" $'1\n0'
}

@test "rows that refer to each other are written in their order, one by one where need be" {
	query 'create table p(id int primary key)' 'create table t(id int primary key, p int references p)'
	for i in {1..60}; do
		echo "{\"@cs\":{\"table\":\"t\"},\"id\":$i,\"p\":$((i - 1))}"
		echo "{\"@cs\":{\"table\":\"p\"},\"id\":$i}"
	done >in
	ends_with_status 1 cs-load --to "$PG" --table t --key id --rejects bad --stats stats <in
	equals "$(jq -c '[.line, .record]' bad)" '[1,"{\"@cs\":{\"table\":\"t\"},\"id\":1,\"p\":0}"]'
	equals "$(jq .inserted stats)" 119
}

@test "a partitioned table" {
	query 'create table t(id int primary key, v text) partition by range (id)' \
		'create table t1 partition of t for values from (0) to (10)' 'create table t2 partition of t for values from (10) to (20)'
	for v in a a b; do
		printf '{"id":%d,"v":"'$v'"}\n' 1 11 12 | cs-load --to "$PG" --table t --key id --stats stats
		jq -c '[.inserted, .updated, .unchanged]' stats
	done >counts
	equals "$(cat counts)" $'[3,0,0]\n[0,0,3]\n[0,3,0]'
	fails_with 65 cs-load --to "$PG" --table t --key id <<<'{"id":21}'
	contains "$stderr" 'no partition of relation'
}

@test "the Big List of Naughty Strings as names of tables and as values" {
	shared corpora/blns/blns.json
	jq -c 'to_entries[] | {"@cs": {table: .value}, id: .key, name: .value}' "$SHARED" >in
	ends_with_status 1 cs-load --to "$PG" --key id --rejects bad --table t <in
	equals "$(jq -r .reason bad | grep -vc 'differs from table\|without a name\|are taken\|would become' || :)" 0
	query "select relname from pg_class c join pg_namespace n on n.oid = relnamespace where relkind = 'r' and nspname = 'public' and relname not like '\\_cs\\_%'" >tables
	[ "$(wc -l <tables)" -gt 300 ]
	query "select string_agg(format('select %L, name from %I', relname, relname), ' union all ') from pg_class c
		join pg_namespace n on n.oid = relnamespace where relkind = 'r' and nspname = 'public' and relname not like '\\_cs\\_%'" >select
	equals "$(query "select count(*) from ($(cat select)) x(t, name) where t <> name")" 0
}

@test "one stream, many columns, several tables, all operations, the same on both servers' SQL" {
	jq -nc 'range(400) | . as $i | {"@cs":{"table":"t\($i % 3)","op":(if $i % 11 == 10 then "delete" elif $i % 7 == 6 then "update" else "upsert" end)},
		"id":($i * 7 % 50),"c\($i % 5)":$i} + (if $i % 2 == 0 then {"s":"x\($i)"} else {} end)' >in
	for portable in '' 1; do
		new_database
		CS_PG_PORTABLE=$portable
		[ -z "$portable" ] && unset CS_PG_PORTABLE || export CS_PG_PORTABLE
		cs-load --to "$PG" --key id --table t --stats "stats$portable" <in
		query 'select * from t0 order by id' 'select * from t1 order by id' 'select * from t2 order by id' >"rows$portable"
	done
	cs-load --to sqlite:x.db --key id --table t --stats statsq <in
	for t in 0 1 2; do sqlite3 x.db "select * from t$t order by id"; done >rowsq
	equals "$(cat stats1)" "$(cat stats)"
	equals "$(jq -c 'del(.columns_added)' stats)" "$(jq -c 'del(.columns_added)' statsq)"
	equals "$(cat rows1)" "$(cat rows)"
	equals "$(cat rows)" "$(cat rowsq)"
}

@test "--changes tells what became of each row, by either SQL" {
	for portable in '' 1; do
		new_database
		CS_PG_PORTABLE=$portable
		[ -z "$portable" ] && unset CS_PG_PORTABLE || export CS_PG_PORTABLE
		rm -f feed
		printf '%s\n' '{"id":1,"v":1.50,"o":{"a":[1, 2]}}' '{"id":2,"v":2,"s":"a\"\n"}' '{"id":2,"v":3}' | cs-load --to "$PG" --table t --key id --changes feed
		equals "$(sort feed)" "$(sort <<'END'
{"op":"insert","table":"t","key":{"id":1},"new":{"id":1,"v":1.50,"o":{"a":[1,2]}}}
{"op":"insert","table":"t","key":{"id":2},"new":{"id":2,"v":2,"o":null,"s":"a\"\n"}}
{"op":"update","table":"t","key":{"id":2},"old":{"v":2},"new":{"v":3}}
END
)"
		rm feed
		printf '%s\n' '{"id":1,"v":1.5}' '{"@cs":{"op":"update"},"id":1,"v":"x"}' '{"@cs":{"op":"update"},"id":9,"v":1}' '{"@cs":{"op":"delete"},"id":2}' \
			'{"@cs":{"op":"delete"},"id":7}' '{"@cs":{"table":"u"},"id":"a"}' | cs-load --to "$PG" --table t --key id --changes feed --stats stats
		equals "$(sort feed)" "$(sort <<'END'
{"op":"update","table":"t","key":{"id":1},"old":{"v":"1.50"},"new":{"v":"x"}}
{"op":"delete","table":"t","key":{"id":2},"old":{"id":2,"v":"3","o":null,"s":"a\"\n"}}
{"op":"insert","table":"u","key":{"id":"a"},"new":{"id":"a"}}
END
)"
		equals "$(jq -c '[.inserted, .updated, .unchanged, .deleted, .ignored]' stats)" '[1,1,1,1,2]'
		rm feed
		cs-load --to "$PG" --table app --changes feed <<<$'{"b":true}\n{"b":false}'
		equals "$(cat feed)" $'{"op":"insert","table":"app","key":{},"new":{"b":true}}\n{"op":"insert","table":"app","key":{},"new":{"b":false}}'
		cs-load --to "$PG" --table d --key id --deleted-at at --changes feed <<<$'{"id":1}\n{"@cs":{"op":"delete"},"id":1}'
		contains "$(tail -n 1 feed)" '^\{"op":"delete","table":"d","key":\{"id":1\},"old":\{"id":1,"at":null\}\}$'
	done
}

@test "--changes: what a transaction that is tried again has told is told once" {
	query 'create table t(id int primary key, n int check (n > 0))'
	{ begin; for i in 1 2 3 4; do echo "{\"id\":$i,\"n\":$((3 - i))}"; checkpoint "$i"; done; end; } >in
	ends_with_status 1 cs-load --to "$PG" --table t --key id --changes feed --rejects bad <in
	equals "$(jq -c .key.id feed)" $'1\n2'
	cs-load --to "$PG" --table t --key id --changes feed <<<'{"id":5,"n":1}'
	equals "$(jq -c .key.id feed)" $'1\n2\n5'

	# versions, of which one is refused and others change, by either SQL
	for portable in '' 1; do
		new_database
		CS_PG_PORTABLE=$portable
		[ -z "$portable" ] && unset CS_PG_PORTABLE || export CS_PG_PORTABLE
		rm -f feed bad
		printf '{"id":%d,"n":1,"w":"x"}\n' 1 2 3 4 | cs-load --to "$PG" --table t --key id --mode history
		query "update t set valid_from = '2020-01-01'" 'alter table t add check (n < 10)' 'create sequence failures' \
			"create function fail() returns trigger language plpgsql as \$\$ begin
			if nextval('failures') = 3 then raise exception 'no luck' using errcode = '40001'; end if; return new; end \$\$" \
			'create trigger fail before insert on t for each row execute function fail()'
		{ begin; for i in 1 2 3 4; do echo "{\"id\":$i,\"n\":$((i * i))}"; checkpoint "$i"; done; end; } >in
		ends_with_status 1 cs-load --to "$PG" --table t --key id --mode history --changes feed --rejects bad --stats stats <in
		equals "$(jq -c '[.inserted, .updated, .unchanged, .rejected]' stats)" '[0,2,1,1]' || { cat stats; false; }
		equals "$(jq -c '[., inputs] | sort_by(.key.id)[] | [.op, .key.id, .new.n, .new.w]' feed)" \
			"$(printf '%s\n' '["update",2,null,null]' '["insert",2,4,"x"]' '["update",3,null,null]' '["insert",3,9,"x"]')"
	done
}

@test "--changes of many rows: the work grows with them, not with their square" {
	local n=60000 portable v
	for portable in '' 1; do
		new_database
		CS_PG_PORTABLE=$portable
		[ -z "$portable" ] && unset CS_PG_PORTABLE || export CS_PG_PORTABLE
		rm -f feed
		for v in 1 2; do
			seq $n | sed "s/.*/{\"a\":1,\"b\":\"x\",\"c\":\"k&\",\"v\":$v}/" |
				timeout 60 cs-load --to "$PG" --table t --key a,b,c --changes feed
		done
		equals "$(jq -r .op feed | sort | uniq -c | tr -s ' ' | tr '\n' ,)" " $n insert, $n update,"
	done
}
