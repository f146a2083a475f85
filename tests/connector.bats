# Connector and configuration files, cs-connector(5): what is taken, what is refused, and that
# nothing is asked of the server before everything is in order.
# shellcheck disable=SC2016,SC2030,SC2031 # ${…} is the files' own; each test has its environment
load lib

setup_file() {
	start_playground --no-ties
}

teardown_file() {
	stop_playground
}

setup() {
	start_in_tmpdir
	curl -sf -X DELETE "$PLAYGROUND/_log" >/dev/null
	cat >connector.json <<-'END'
		{
		  "name": "users",
		  "description": "Users by offset",
		  "parameters": {
		    "required": ["api_token"],
		    "properties": {
		      "api_token": {"type": "string", "writeOnly": true, "minLength": 8,
		                    "description": "The token of the API"},
		      "base_url": {"type": "string", "pattern": "^https?://", "default": "http://127.0.0.1:9"},
		      "rows": {"type": "integer", "minimum": 1, "maximum": 250, "default": 40},
		      "at_least": {"type": "integer", "minimum": 5},
		      "share": {"type": "number", "minimum": 0.25, "maximum": 1},
		      "debug": {"type": "boolean", "default": false},
		      "order": {"type": "string", "enum": ["asc", "desc"], "default": "asc"},
		      "nick": {"type": "string", "maxLength": 3},
		      "since": {"type": "string"}
		    }
		  },
		  "url": "${base_url}/",
		  "auth": "bearer",
		  "token": "${api_token}",
		  "records": ".data",
		  "header": {"X-One": "1", "X-Two": "2"},
		  "verbose": "${debug}",
		  "streams": {
		    "users": {
		      "description": "All of them",
		      "path": "/pagination/offset",
		      "query": {"order_type": "${order}", "updated_since": "${since}"},
		      "header": {"X-Two": "two"},
		      "paginate": "offset", "page-size": "${rows}", "total": ".total",
		      "primary-key": ["id"]
		    },
		    "bearer": {"path": "/auth/http_bearer", "header": null}
		  }
		}
	END
	configure '{}'
	export API_TOKEN=$TOKEN
}

# configure JSON: the configuration, with token and base URL added.
configure() {
	jq -c --arg url "$PLAYGROUND" '{api_token: "env:API_TOKEN", base_url: $url} + .' <<<"$1" >configuration.json
	chmod 600 configuration.json
}

# edit PROGRAM: change the connector by jq.
edit() {
	jq "$1" connector.json >edited && mv edited connector.json
}

fetch() {
	cs-fetch --connector connector.json --config configuration.json "$@"
}

log() {
	curl -sf "$PLAYGROUND/_log"
}

# refused STATUS PATTERN ARGUMENT…: one line, no request.
refused() {
	local want=$1 pattern=$2
	shift 2
	fails_with "$want" cs-fetch --connector connector.json --config configuration.json "$@" || return 1
	contains "$stderr" "$pattern" || return 1
	equals "$(log)" ''
}

@test "a stream is fetched as its file says" {
	succeeds fetch bearer
	equals "$(records <<<"$output" | wc -l)" 20
	contains "$(log)" '"path":"/auth/http_bearer"'
	lacks "$(log)" 'X-One|x-one'
}

@test "parameters and their defaults go where the file names them" {
	succeeds fetch users
	equals "$(records <<<"$output" | wc -l)" 200
	equals "$(log | jq -r '.query.limit' | sort -u)" 40
	equals "$(log | jq -r '.query.order_type' | sort -u)" asc
	equals "$(log | wc -l)" 6 # each page begins with the last record of the one before
}

@test "a stream's header replaces the connector's of that name only" {
	succeeds fetch users
	equals "$(log | jq -r '.headers | .["x-one"] + " " + .["x-two"]' | sort -u)" '1 two'
}

@test "what names a parameter without value is left out" {
	succeeds fetch users
	equals "$(log | jq -r '.query.updated_since' | sort -u)" null
	succeeds fetch --set since=2100-01-01T00:00:00Z users
	equals "$(records <<<"$output")" ''
	equals "$(log | tail -n 1 | jq -r .query.updated_since)" 2100-01-01T00:00:00Z
}

@test "values as text are taken for what the connector says they are" {
	configure '{"rows": "50", "debug": "ON", "share": "1e0", "order": "desc"}'
	succeeds fetch users
	equals "$(log | jq -r '.query.limit' | sort -u)" 50
	equals "$(log | jq -r '.query.order_type' | sort -u)" desc
	[ -n "$stderr" ]
	configure '{"debug": "No", "rows": 50}'
	succeeds fetch users
	equals "$stderr" ''
}

@test "what a configuration must not say, and how it is told" {
	while IFS='|' read -r json pattern; do
		configure "$json"
		refused 64 "$pattern" users
	done <<-'END'
		{"rows": 300}|^cs-fetch: configuration.json:1: rows: 300 is not an integer in 1\.\.250$
		{"rows": "300"}|rows: 300 is not an integer in 1\.\.250$
		{"rows": 0}|rows: 0 is not an integer in 1\.\.250$
		{"rows": -1}|rows: -1 is not an integer in 1\.\.250$
		{"rows": "abc"}|rows: "abc" is not an integer in 1\.\.250$
		{"rows": ""}|rows: "" is not an integer in 1\.\.250$
		{"rows": " 5"}|rows: " 5" is not an integer in 1\.\.250$
		{"rows": "0x10"}|rows: "0x10" is not an integer in 1\.\.250$
		{"rows": "1e1"}|rows: 1e1 is not an integer in 1\.\.250$
		{"rows": 1.5}|rows: 1.5 is not an integer in 1\.\.250$
		{"rows": "99999999999999999999999999"}|rows: 99999999999999999999999999 is not an integer in 1\.\.250$
		{"rows": true}|rows: "true" is not an integer in 1\.\.250$
		{"rows": null}|rows: must be a string, a number, true or false$
		{"rows": [1]}|rows: must be a string, a number, true or false$
		{"at_least": 4}|at_least: 4 is not an integer of 5 or more$
		{"share": 0.2}|share: 0.2 is not a number in 0.25\.\.1$
		{"share": "half"}|share: "half" is not a number in 0.25\.\.1$
		{"debug": "maybe"}|debug: "maybe" is not true or false$
		{"debug": 2}|debug: 2 is not true or false$
		{"order": "ASC"}|order: "ASC" is not one of asc, desc$
		{"nick": "abcd"}|nick: "abcd" is not text of at most 3 characters$
		{"base_url": "ftp://x"}|base_url: "ftp://x" is not text that matches \^https\?://$
		{"base_url": "<YOUR_URL>"}|base_url: <YOUR_URL> is a placeholder
		{"since": "YOUR_DATE"}|since: YOUR_DATE is a placeholder
		{"row": 5}|there is no parameter "row"; did you mean rows\?$
		{"zzz": 5}|there is no parameter "zzz"$
		{"api_token": "<YOUR_TOKEN>"}|api_token.*placeholder
		{"api_token": "sh-rt"}|api_token: the value \(not shown\) is not text of at least 8 characters$
	END
	lacks "$stderr" sh-rt
	configure '{"nick": "äöü"}'
	succeeds fetch bearer
}

@test "a configuration that is no flat JSON object is refused with its line" {
	printf '{\n "rows": 5,\n "rows": 6\n}' >configuration.json
	refused 64 'configuration.json:3: .*"rows" comes twice' users
	printf '{\n "rows": 5,\n}' >configuration.json
	refused 64 'configuration.json:3: not valid JSON' users
	printf '[]' >configuration.json
	refused 64 'configuration.json:1: .*must be an object' users
	printf '{"rows": "\\u0000"}' >configuration.json
	refused 64 'configuration.json:1: rows: .*U\+0000' users
	printf '{"rows": "5"} x' >configuration.json
	refused 64 'configuration.json:1: not valid JSON' users
	rm configuration.json
	refused 64 'configuration.json: No such file' users
}

@test "a missing, empty or unreadable secret ends with 77 before any request" {
	configure '{}'
	unset API_TOKEN
	refused 77 'api_token.*API_TOKEN' users
	export API_TOKEN=
	refused 77 'api_token' users
	configure '{"api_token": ""}'
	refused 77 'api_token' users
	configure '{"api_token": "file:/nonexistent/token"}'
	refused 77 'api_token.*/nonexistent/token' users
	configure '{"api_token": "cmd:exit 3"}'
	refused 77 'api_token' users
	echo '{}' >configuration.json
	refused 77 'api_token: missing; add it to configuration.json' users
	fails_with 77 cs-fetch --connector connector.json users
	contains "$stderr" 'api_token: missing; .*--config'
	equals "$(log)" ''
}

@test "a secret in the configuration itself is taken, with a warning where others can read it" {
	configure "{\"api_token\": \"$TOKEN\"}"
	succeeds fetch bearer
	equals "$stderr" ''
	chmod 644 configuration.json
	succeeds fetch bearer
	contains "$stderr" 'configuration.json: .*api_token.*chmod 600 configuration.json'
	lacks "$stderr" "$TOKEN"
	printf '%s\n' "$TOKEN" >token
	chmod 600 token
	for from in file:token cmd:'cat token' env:API_TOKEN; do
		configure "{\"api_token\": \"$from\"}"
		chmod 644 configuration.json
		succeeds fetch bearer
		equals "$stderr" ''
	done
}

@test "--set goes before the configuration, and takes secrets as references only" {
	configure '{"rows": 10, "api_token": "not the right one"}'
	succeeds fetch --set rows=20 --set api_token=env:API_TOKEN users
	equals "$(log | jq -r .query.limit | sort -u)" 20
	lacks "$(log)" '"auth":"bad"'
	curl -sf -X DELETE "$PLAYGROUND/_log" >/dev/null
	refused 64 '^cs-fetch: --set: api_token: ' --set api_token=a-literal users
	lacks "$stderr" a-literal
	refused 64 '^cs-fetch: --set: rows: 251 is not an integer in 1\.\.250$' --set rows=251 users
	refused 64 '^cs-fetch: --set: there is no parameter "rowz"; did you mean rows\?$' --set rowz=1 users
	refused 64 '^cs-fetch: --set: .*NAME=VALUE' --set rows users
}

@test "the command line goes before the connector" {
	succeeds fetch --page-size 25 --query order_type=desc --header 'X-One: one' users
	equals "$(log | jq -r '.query | .limit + " " + .order_type' | sort -u)" '25 desc'
	equals "$(log | jq -r '.headers | .["x-one"] + " " + .["x-two"]' | sort -u)" 'one two'
	succeeds fetch users --page-size 20
	equals "$(log | tail -n 1 | jq -r .query.limit)" 20
}

@test "what a connector must not say, and how it is told" {
	cp connector.json good.json
	while IFS='|' read -r change pattern; do
		cp good.json connector.json
		edit "$change"
		refused 64 "$pattern" users
		contains "$stderr" '^cs-fetch: connector.json(:[0-9]+)?: '
	done <<-'END'
		.pagesize = 5|connector: unknown key "pagesize"; did you mean page-size\?$
		.check = true|connector: unknown key "check"
		.streams.users.pat = "/x"|streams.users: unknown key "pat"; did you mean path\?$
		.streams.users.parameters = {}|streams.users: unknown key "parameters"
		.streams.users = 5|streams.users: must be an object
		del(.streams)|has no "streams"
		.streams = []|streams: must be an object
		del(.url)|neither the connector nor the stream has a "url"
		.streams.users.path = "/${since}"|path: /\$\{since\} has a parameter in it that is not given
		.streams.users["page-size"] = "many"|streams.users.page-size: "?many
		.streams.users["page-size"] = [1]|page-size: must be a string, a number, true or false
		.streams.users["page-size"] = "${row}"|there is no parameter "row"; did you mean rows\?
		.streams.users["page-size"] = "${rows"|"\$\{" without "\}"
		.streams.users.query.token = "${api_token}"|streams.users.query.token: api_token is a secret
		.url = "http://x/${api_token}"|api_token is a secret
		.token = "literal"|token: .*env:NAME
		.paginate = "sideways"|paginate: "sideways" is not one of
		.parameters.extra = {}|parameters: unknown key "extra"
		.parameters.required = ["row"]|there is no parameter "row"
		.parameters.required = "api_token"|parameters.required: must be an array
		.parameters.properties.rows.minimun = 1|parameters.rows: unknown key "minimun"; did you mean minimum\?$
		.parameters.properties.rows.type = "int"|"int" is not one of string, integer, number, boolean
		.parameters.properties.rows.minimum = "1"|parameters.rows.minimum: must be an integer
		.parameters.properties.rows.minLength = 1|parameters.rows.minLength: not for type integer
		.parameters.properties.rows.default = 251|rows: 251 is not an integer in 1\.\.250
		.parameters.properties.nick.pattern = "("|parameters.nick.pattern: 
		.parameters.properties.nick.maxLength = -1|parameters.nick.maxLength: must be 0 or more
		.parameters.properties.api_token.default = "x"|writeOnly parameter is a string without default
		.parameters.properties.api_token.writeOnly = "yes"|writeOnly: must be true or false
	END
}

@test "a literal \${ is written with two dollars" {
	edit '.streams.users.query = {"order_by": "$${rows}", "order_type": "$asc"}'
	run cs-fetch --connector connector.json --config configuration.json users
	equals "$(log | head -n 1 | jq -r '.query | .order_by + " " + .order_type')" '${rows} $asc'
}

@test "the lines are of --stream, else of CS_STREAM, else of the connector's stream" {
	named() {
		"$@" --connector connector.json --config configuration.json bearer | controls | jq -r .stream | sort -u
	}
	equals "$(named cs-fetch)" bearer
	export CS_STREAM=hr/people
	equals "$(named cs-fetch)" hr/people
	equals "$(named cs-fetch --stream mine)" mine
}

@test "without a stream, streams and parameters are listed and nothing is asked" {
	succeeds cs-fetch --connector connector.json
	contains "$output" '^users: Users by offset$'
	contains "$output" '^  users$'
	contains "$output" '^ +All of them$'
	contains "$output" '^ +secret: text of at least 8 characters, required$'
	contains "$output" '^ +an integer in 1\.\.250, default 40$'
	equals "$stderr" ''
	equals "$(log)" ''
	ends_with_status 74 sh -c 'exec cs-fetch --connector connector.json >/dev/full'
}

@test "an unknown stream is answered with those there are" {
	refused 64 'there is no stream "user"; did you mean users\? \(streams: users, bearer\)$' user
}

@test "--get prints one value, resolved and checked, and no secret" {
	unset API_TOKEN
	succeeds fetch --get rows
	equals "$output" 40
	configure '{"rows": "7", "debug": "Yes"}'
	succeeds fetch --get rows
	equals "$output" 7
	succeeds fetch --get debug
	equals "$output" true
	succeeds fetch --set rows=8 --get rows
	equals "$output" 8
	succeeds cs-fetch --connector connector.json --get order
	equals "$output" asc
	ends_with_status 1 fetch --get since
	equals "$output$stderr" ''
	refused 64 'api_token is a secret' --get api_token
	refused 64 '"row"; did you mean rows' --get row
	configure '{"rows": 300}'
	refused 64 'rows: 300 is not' --get rows
}

@test "the token is in no output, whatever goes wrong" {
	configure "{\"api_token\": \"$TOKEN\", \"debug\": true}"
	for args in users bearer '--dry-run users' '--check users' '--get api_token' 'nosuch' '--set rows=999 users'; do
		# shellcheck disable=SC2086
		run cs-fetch --connector connector.json --config configuration.json $args
		lacks "$output" "$TOKEN"
	done
	run cs-fetch --connector configuration.json users
	lacks "$output" "$TOKEN"
}

@test "the template of a pipeline is refused until it is filled in" {
	for dir in "$ROOT"/pipelines/*/; do
		[ -e "$dir/connector.json" ] || continue
		stream=$(jq -r '.streams | keys_unsorted[0]' "$dir/connector.json")
		fails_with 64 cs-fetch --connector "$dir/connector.json" --config "$dir/configuration.json.template" "$stream"
		contains "$stderr" '_token.*placeholder'
	done
}

@test "all eight Humaans parameters are typed and bounded" {
	export API_TOKEN SHORT_TOKEN=short
	for dir in humaans humaans-api; do
		cp "$ROOT/pipelines/$dir/connector.json" .
		while IFS='|' read -r set pattern; do
			refused 64 "$pattern" --set "$set" documents
		done <<-'END'
			max_records_per_page=300|300 is not an integer in 1\.\.250
			max_records_per_page=0|0 is not an integer in 1\.\.250
			initial_sync_days=366|366 is not an integer in 1\.\.365
			initial_sync_days=0|0 is not an integer in 1\.\.365
			sync_frequency_hours=0|0 is not an integer in 1\.\.
			request_timeout_seconds=0|0 is not an integer in 1\.\.
			retry_attempts=0|0 is not an integer in 1\.\.
			enable_incremental_sync=perhaps|"perhaps" is not true or false
			enable_debug_logging=2|2 is not true or false
			api_token=env:SHORT_TOKEN|api_token
		END
	done
}
