# Cases of loading, as data: tests/data/load/*.cases, run on whatever database has an adapter here.
# shellcheck shell=bash
#
# A case, from its first line to the next case:
#	case WHAT IT SHOWS
#	sql STATEMENT           before what follows; "sql NAME: STATEMENT" for the database NAME alone
#	load OPTION...          into table t with these words as options; they may be quoted as in sh
#	< LINE                  of its input (printf's escapes in <\ LINE); "< checkpoint JSON", "< begin RUN [FROM [MODE]]",
#	                        "< end RUN [COMPLETE]" and "< schema ..." are written out as control lines of stream s
#	<< COMMAND              what it prints
#	exit N                  the status (0)
#	says REGEX              on standard error, extended; without it nothing may be said
#	counts I U S D G R      inserted updated unchanged deleted ignored rejected
#	acks N                  checkpoint lines that came out
#	columns NAME TYPE, ...  of t: boolean integer real text json null, key with *
#	rows [SELECT]           t ordered by all columns, or what SELECT gives, truth being 1; each row a line:
#	> JSON                  one object, members as in the table (empty: {})
#	>> COMMAND              rows as it prints them
#	file NAME [PROGRAM]     its lines, as > LINE; or what jq(1) makes of them
#	only NAME [WHY]         the case is for the database NAME alone; "columns NAME: ..." and "rows NAME: ..." are, too
# What a database prints as NULL is null. Rows are compared as text, so 1, 1.0 and "1" are three values.

# adapter sqlite: where to load, how to run SQL, what the columns of t are, and a SELECT's rows as JSON
sqlite_to() {
	echo sqlite:x.db
}

sqlite_sql() {
	sqlite3 -batch x.db "$1" >/dev/null
}

sqlite_columns() {
	sqlite3 -readonly -batch x.db "SELECT group_concat(name || ' ' || CASE type WHEN '' THEN 'null' WHEN 'ANY' THEN 'null'
		ELSE lower(type) END || iif(pk, '*', ''), ', ') FROM (SELECT * FROM pragma_table_info('t') ORDER BY cid)"
}

# A value prints as its storage class has it; only BOOLEAN, JSON and BLOB are shown as what they mean.
sqlite_rows() {
	local select=$1
	if [ -z "$select" ]; then
		select=$(sqlite3 -readonly -batch x.db "SELECT 'SELECT json_object(' || group_concat(quote(name) || ', ' || CASE
			WHEN type = 'BOOLEAN' THEN printf('iif(%s IN (0, 1), json(iif(%s, ''true'', ''false'')), %s)', q, q, q)
			WHEN type = 'JSON' THEN printf('json(%s)', q)
			ELSE printf('iif(typeof(%s) = ''blob'', ''x'' || hex(%s), %s)', q, q, q) END, ', ') ||
			') FROM t ORDER BY ' || group_concat(q, ', ')
			FROM (SELECT name, type, '\"' || replace(name, '\"', '\"\"') || '\"' q FROM pragma_table_info('t') ORDER BY cid)") || return 1
		sqlite3 -readonly -batch x.db "$select"
		return
	fi
	sqlite3 -readonly -batch -json x.db "$select" | sed 's,^\[,,; s,[],]$,,'
}

# adapter postgres (postgres.bash has started one): the same. A numeric is shown as the real that it is elsewhere.
postgres_to() {
	# All but the _cs tables, which take their time to be made, is made anew.
	query "do \$\$ declare r record; begin
		for r in select oid::regclass::text n, case relkind when 'v' then 'view' else 'table' end k from pg_class
			where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v') and not relispartition and relname !~
			'^_cs_(state|state_log|run|fence|lease|meta)\$' loop execute format('drop %s if exists %s cascade', r.k, r.n); end loop;
		if to_regclass('_cs_meta') is not null then delete from _cs_meta where name !~ '^(schema|id)\$';
			delete from _cs_state; delete from _cs_state_log; delete from _cs_fence; end if; end \$\$"
	echo "$PG"
}

postgres_sql() {
	query "$1"
}

postgres_columns() {
	query "select string_agg(quote_ident(a.attname) || ' ' || case when col_description(a.attrelid, a.attnum) = 'cs-load: null'
		then 'null' else case format_type(a.atttypid, null) when 'bigint' then 'integer' when 'numeric' then 'real'
		when 'jsonb' then 'json' when 'timestamp with time zone' then 'text' else format_type(a.atttypid, null) end end
		|| case when exists (select 1 from pg_index i where i.indrelid = a.attrelid and i.indisprimary
		and a.attnum = any(i.indkey)) then '*' else '' end, ', ' order by a.attnum)
		from pg_attribute a where a.attrelid = 't'::regclass and a.attnum > 0 and not a.attisdropped"
}

# A column of t in the default SELECT, by its type; %I is its name.
postgres_shown="case format_type(a.atttypid, null)
	when 'numeric' then '(case when %1\$I = trunc(%1\$I) then trunc(%1\$I) || ''.0'' else trim_scale(%1\$I)::text end)::json %1\$I'
	when 'jsonb' then 'regexp_replace(%1\$I::text, ''([:,]) '', ''\1'', ''g'')::json %1\$I'
	when 'bytea' then '''x'' || upper(encode(%1\$I, ''hex'')) %1\$I' else '%1\$I' end"

postgres_rows() {
	local select=$1
	if [ -z "$select" ]; then
		select=$(query "select 'select ' || coalesce(string_agg(format($postgres_shown, a.attname), ', ' order by a.attnum), '')
			|| ' from t order by ' || coalesce(string_agg(format(case format_type(a.atttypid, null)
			when 'text' then 't.%1\$I collate \"C\" nulls first' else 't.%1\$I nulls first' end, a.attname), ', ' order by a.attnum), '1')
			from pg_attribute a where a.attrelid = 't'::regclass and a.attnum > 0 and not a.attisdropped") || return 1
		query "select row_to_json(x) from ($select) x"
		return
	fi
	query "select row_to_json(x) from ($select) x" | sed 's/:true\b/:1/g; s/:false\b/:0/g'
}

# The input line that a "<" line stands for.
input_line() {
	local word=${1%% *} rest=${1#* }
	local -a w
	case $word in
	begin)
		read -ra w <<<"$rest"
		printf '{"@cs":"begin","version":1,"stream":"s","run":"%s","mode":"%s","from":%s}\n' "${w[0]}" "${w[2]:-full}" "${w[1]:-null}" ;;
	checkpoint)
		printf '{"@cs":"checkpoint","stream":"s","state":%s}\n' "$rest" ;;
	schema)
		printf '{"@cs":"schema",%s}\n' "$rest" ;;
	end)
		read -ra w <<<"$rest"
		printf '{"@cs":"end","stream":"s","run":"%s","complete":%s}\n' "${w[0]}" "${w[1]:-true}" ;;
	\\)
		printf '%b\n' "$rest" ;;
	*)
		printf '%s\n' "$1" ;;
	esac
}

# Everything that the step at hand must have led to.
finish_step() {
	[ -n "$step" ] || return 0
	local code=0
	local -a options
	eval "options=($step)"
	cs-load --to "$to" --table t --stats stats "${options[@]}" <in >out 2>err || code=$?
	[ "$code" -eq "$want_exit" ] || { echo "load $step: exit $code, not $want_exit: $(cat err)"; return 1; }
	if [ -n "$want_says" ]; then
		grep -Eq -e "$want_says" err || { echo "load $step: says: $(cat err)"; return 1; }
	elif [ -s err ]; then
		echo "load $step: says: $(cat err)"
		return 1
	fi
	if [ -n "$want_counts" ]; then
		equals "$(jq -r '[.inserted, .updated, .unchanged, .deleted, .ignored, .rejected] | join(" ")' stats)" "$want_counts" || return 1
	fi
	if [ -n "$want_acks" ]; then
		equals "$(grep -c '"@cs":"checkpoint"' out)" "$want_acks" || return 1
	fi
	step='' want_exit=0 want_says='' want_counts='' want_acks=''
	: >in
}

# The ">" lines have been read: compare them.
finish_rows() {
	[ -n "$rows" ] || return 0
	local got
	case $rows in
	skip) rows=''; return ;;
	file:*' '*) got=$(jq -c "${rows#* }" "$(cut -d' ' -f1 <<<"${rows#file:}")") ;;
	file:*) got=$(cat "${rows#file:}") ;;
	*) got=$("${db}_rows" "${rows#rows:}") || { echo "$got"; return 1; } ;;
	esac
	rows=''
	equals "$got" "$want_rows" || return 1
}

# One line of a case.
case_line() {
	local word=${1%% *} rest=''
	[[ $1 == *' '* ]] && rest=${1#* }
	if [ "$word" = '>' ]; then
		want_rows+=${want_rows:+$'\n'}$rest
		return
	fi
	if [ "$word" = '>>' ]; then
		want_rows+=${want_rows:+$'\n'}$(bash -c "$rest")
		return
	fi
	# shellcheck disable=SC1003 # a backslash
	case $word in '<' | '<<' | '<\' | exit | says | counts | acks) ;; *) finish_step || return 1 ;; esac
	finish_rows || return 1
	# shellcheck disable=SC1003
	case $word in
	sql | columns | rows)
		if [[ $rest =~ ^(sqlite|postgres):\ ?(.*) ]]; then
			[ "${BASH_REMATCH[1]}" = "$db" ] || { [ "$word" != rows ] || rows=skip want_rows=''; return 0; }
			rest=${BASH_REMATCH[2]}
		fi ;;
	esac
	# shellcheck disable=SC1003
	case $word in
	'' | '#') ;;
	sql) "${db}_sql" "$rest" ;;
	load) step="$rest " ;;
	'<') input_line "$rest" >>in ;;
	'<\') input_line "\\ $rest" >>in ;;
	'<<') bash -c "$rest" >>in ;;
	exit) want_exit=$rest ;;
	says) want_says=$rest ;;
	counts) want_counts=$rest ;;
	acks) want_acks=$rest ;;
	columns) equals "$("${db}_columns")" "$rest" ;;
	rows) rows=rows:$rest want_rows='' ;;
	file) rows=file:$rest want_rows='' ;;
	*) echo "no such line in a case: $1"; return 1 ;;
	esac
}

# run_case LINE...: in the current, empty directory.
run_case() {
	local line step='' want_exit=0 want_says='' want_counts='' want_acks='' rows='' want_rows=''
	local to
	to=$("${db}_to")
	: >in
	for line; do
		[[ $line == only\ * ]] && { [[ $line\  == "only $db "* ]] || return 0; continue; }
		case_line "$line" || return 1
	done
	finish_step && finish_rows
}

# run_cases DATABASE FILE...: all of them; says which fail and why.
run_cases() {
	local db=$1 file name='' line failed=0 n=0
	local -a lines=()
	shift
	for file; do
		while IFS= read -r line || [ -n "$line" ]; do
			if [[ $line == case\ * ]]; then
				one_case
				name="${file##*/}: ${line#case }" lines=()
			else
				lines+=("$line")
			fi
		done <"$file"
		one_case
		name=''
	done
	echo "$n cases, $failed failed"
	[ "$failed" -eq 0 ] && [ "$n" -gt 0 ]
}

one_case() {
	[ -n "$name" ] || return 0
	local why
	n=$((n + 1))
	mkdir "case$n" && cd "case$n" || return 1
	if ! why=$(run_case "${lines[@]}" 2>&1); then
		failed=$((failed + 1))
		printf 'FAILED %s\n%s\n' "$name" "$why"
	elif [ -e x.db ]; then
		why=$(sqlite3 -readonly -batch x.db 'PRAGMA integrity_check; PRAGMA foreign_key_check')
		[ "$why" = ok ] || { failed=$((failed + 1)); printf 'FAILED %s\n%s\n' "$name" "$why"; }
	fi
	cd .. || return 1
}
