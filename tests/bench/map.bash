# shellcheck shell=bash disable=SC2154 # read by run
# cs-map beside jq, DuckDB and a program that only copies lines.
need jq
n=${RECORDS:-1000000}
in=$(data hr "$n")

# Sixteen columns of twelve members: one taken apart, one made JSON text, renamed, a default for null, an id as text,
# a boolean as a number, times in UTC. As rules, as a jq program and as SQL.
cat >hr.map.json <<'END'
{"flatten": "_", "names": "snake",
 "keep": ["id", "firstName", "lastName", "email", "jobTitle", "isManager", "payrollId", "salary", "address.street",
          "address.city", "address.state", "address.postalCode", "address.country", "teams", "createdAt", "note"],
 "type": {"isManager": "integer", "payrollId": "string", "createdAt": "timestamp"},
 "fill": {"address.state": "n/a"}}
END
cat >hr.jq <<'END'
def utc: (.[0:19] + "Z" | fromdate) as $t | .[23:] as $z
  | (if $z == "Z" then 0 else ($z[1:3] | tonumber) * 3600 + ($z[4:6] | tonumber) * 60
     | if $z[0:1] == "-" then -. else . end end) as $off
  | ($t - $off | todate)[0:19] + .[19:23] + "Z";
{id, first_name: .firstName, last_name: .lastName, email, job_title: .jobTitle,
 is_manager: (if .isManager then 1 else 0 end), payroll_id: (.payrollId | tostring), salary,
 address_street: .address.street, address_city: .address.city, address_state: (.address.state // "n/a"),
 address_postal_code: .address.postalCode, address_country: .address.country, teams: (.teams | tojson),
 created_at: (.createdAt | utc), note}
END
cat >hr.js <<END
const {DuckDBInstance} = require('@duckdb/node-api');
(async () => {
	const c = await (await DuckDBInstance.create(':memory:', {threads: process.argv[2]})).connect();
	await c.run(\`set timezone = 'UTC'; COPY (SELECT id, firstName first_name, lastName last_name, email, jobTitle job_title, isManager::INTEGER is_manager,
		payrollId::VARCHAR payroll_id, salary, address.street address_street, address.city address_city,
		coalesce(address.state, 'n/a') address_state, address.postalCode address_postal_code,
		address.country address_country, to_json(teams)::VARCHAR teams,
		strftime(createdAt::TIMESTAMPTZ, '%Y-%m-%dT%H:%M:%S.%gZ') created_at, note
		FROM read_json('$in', format = 'newline_delimited', columns = {id: 'VARCHAR', firstName: 'VARCHAR', lastName: 'VARCHAR',
			email: 'VARCHAR', jobTitle: 'VARCHAR', isManager: 'BOOLEAN', payrollId: 'BIGINT', salary: 'DECIMAL(18, 2)',
			address: 'STRUCT(street VARCHAR, city VARCHAR, state VARCHAR, postalCode VARCHAR, country VARCHAR)',
			teams: 'STRUCT(name VARCHAR)[]', createdAt: 'VARCHAR', note: 'VARCHAR'}))
		TO '/dev/null' (FORMAT json)\`);
})();
END

title "cs-map: $n records, $(($(wc -c <"$in") / 1000000)) MB"
row 'sixteen columns' jq "cs-map --rules hr.map.json <$in" "jq -c -f hr.jq <$in" 0.02
row 'flatten' 'jq -c .' "cs-map --flatten <$in" "jq -c . <$in" 0.0333
if [ -d node_modules/@duckdb ] || npm install --no-audit --no-fund --silent @duckdb/node-api >/dev/null 2>&1; then
	row 'sixteen columns' 'DuckDB 1' "cs-map --rules hr.map.json <$in" 'node hr.js 1' 0.25
	row 'sixteen columns' 'DuckDB 2' "cs-map --rules hr.map.json <$in" 'node hr.js 2'
else
	echo 'DuckDB cannot be installed by npm here: left out'
fi
row 'check every line' 'line copy' "cs-map <$in" "linecopy <$in"
row 'flatten' 'line copy' "cs-map --flatten <$in" "linecopy <$in" 6.67
row 'sixteen columns' 'line copy' "cs-map --rules hr.map.json <$in" "linecopy <$in" 6.67
row 'where' jq "cs-map --where '.isManager == true' <$in" "jq -c 'select(.isManager == true)' <$in"
row 'keep two columns' jq "cs-map --keep id,email <$in" "jq -c '{id, email}' <$in"
few=$((n / 5))
for shape in tiny wide escapes nested shuffled; do
	file=$(data "$shape" $((few)))
	row "flatten, $shape" 'jq -c .' "cs-map --flatten <$file" "jq -c . <$file"
done

in=$(data hr "$few")
title "cs-map: jq programs, $few records"
row 'select' jq "cs-map -f 'select(.isManager|not)' <$in" "jq -c 'select(.isManager|not)' <$in" 0.35
row 'select, beside a long number' jq "cs-map -f 'select(.salary > 50000)' <$in" "jq -c 'select(.salary > 50000)' <$in"
row 'one field' jq "cs-map -f '.full = .firstName + \" \" + .lastName' <$in" "jq -c '.full = .firstName + \" \" + .lastName' <$in" 0.6
row 'one field, beside a long number' jq "cs-map -f '.salary += 1' <$in" "jq -c '.salary += 1' <$in"
construct='{id, first: .firstName, last: .lastName, email, title: .jobTitle, boss: .isManager, payroll: .payrollId, salary,
	street: .address.street, city: .address.city, state: .address.state, code: .address.postalCode,
	country: .address.country, teams, at: .createdAt, note}'
row 'sixteen fields' jq "cs-map -f '$construct' <$in" "jq -c '$construct' <$in" 0.65
