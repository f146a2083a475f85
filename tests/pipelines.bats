# The pipelines of pipelines/, from the API to the database: rows, restarts, changes, secrets.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # $@ is make's, $limit the API's; each test has its environment
load lib
load pipelines

setup() {
	start_in_tmpdir
	start_playground --newest "$(date -u +%FT%TZ)"
	cp -R "$ROOT/pipelines" .
	export API_TOKEN=$TOKEN
	(umask 077 && printf 'Authorization: Bearer %s\n' "$TOKEN" >authorization)
	configure http-bearer '{"bearer_token": "env:API_TOKEN"}' ''
	configure humaans '{"api_token": "env:API_TOKEN", "initial_sync_days": "365"}' /seed/api
	configure humaans-api '{"api_token": "env:API_TOKEN", "initial_sync_days": "365"}' /api
}

teardown() {
	stop_playground
}

@test "http-bearer: the table user is what the API has, and a second run writes nothing" {
	succeeds sync http-bearer
	cd pipelines/http-bearer
	equals "$(columns http-bearer.db user)" 'id name email address company job updated_at created_at'
	equals "$(rows http-bearer.db user)" "$(curl -sf -H @../../authorization "$PLAYGROUND/auth/http_bearer" |
		jq -c '.data | sort_by(.id)[] | [.id, .name, .email, .address, .company, .job, .updatedAt, .createdAt]')"
	cd ../..
	equals "$(counts http-bearer user)" '20 0 0'
	succeeds sync http-bearer
	equals "$(counts http-bearer user)" '0 0 20'
}

@test "humaans: make -j3 fills three tables with the seed's columns, row by row what the API has" {
	succeeds sync humaans -j3
	cd pipelines/humaans
	equals "$(columns humaans.db companies)" 'id name description website phone address_line1 address_line2 address_city address_state address_country address_postal_code created_at updated_at timestamp'
	equals "$(columns humaans.db documents)" 'id name description type filename url person_id file_size mime_type expiry_date tags created_at updated_at timestamp'
	equals "$(columns humaans.db job_roles)" 'id name description department location employment_type salary_range_min salary_range_max salary_currency requirements responsibilities benefits is_active created_at updated_at timestamp'
	cd ../..
	same_as_api
}

@test "humaans: null parents and what is missing become NULL" {
	curl -sf -X POST "$PLAYGROUND/_fault?path=/seed&fault=null-parents&times=0" >/dev/null
	succeeds sync humaans -j3
	equals "$(sql pipelines/humaans/humaans.db 'SELECT count(*), count(address_city) FROM companies')" '12|0'
	equals "$(sql pipelines/humaans/humaans.db 'SELECT count(*), count(salary_range_min) FROM job_roles')" '750|0'
	equals "$(sql pipelines/humaans/humaans.db "SELECT count(*) FROM documents WHERE tags = 'null'")" 0
}

@test "humaans: the second run asks only for what changed and writes nothing" {
	succeeds sync humaans -j3
	forget_log
	succeeds sync humaans -j3
	for stream in companies documents job-roles; do
		newest=$(api "/seed/api/$stream" | jq -rs 'map(.updatedAt) | max')
		since=$(log | jq -r --arg path "/seed/api/$stream" \
			'select(.path == $path) | .query["updatedAt[$gte]"] // empty' | head -n 1)
		[[ $since > $(date -u -d "$newest - 2 hours" +%FT%T) ]]
		[[ $(counts humaans "$stream") == '0 0 '* ]]
	done
	[ "$(jq .unchanged pipelines/humaans/documents.stats)" -lt 20 ]
	same_as_api
}

@test "humaans: k changed records update k rows" {
	succeeds sync humaans -j3
	change change documents 17
	change change job-roles 1
	change insert documents 2
	succeeds sync humaans -j3
	[[ $(counts humaans documents) == '2 17 '* ]]
	[[ $(counts humaans job-roles) == '0 1 '* ]]
	[[ $(counts humaans companies) == '0 0 '* ]]
	same_as_api
}

@test "humaans: the first run goes back initial_sync_days, or all the way when not incremental" {
	configure humaans '{"api_token": "env:API_TOKEN", "initial_sync_days": "90"}' /seed/api
	succeeds sync humaans documents
	oldest=$(date -u -d '90 days ago' +%FT%T)
	equals "$(sql pipelines/humaans/humaans.db 'SELECT id FROM documents ORDER BY id')" \
		"$(api /seed/api/documents | jq -r --arg oldest "$oldest" 'select(.updatedAt >= $oldest) | .id')"
	configure humaans '{"api_token": "env:API_TOKEN", "enable_incremental_sync": "off"}' /seed/api
	forget_log
	succeeds sync humaans documents
	equals "$(sql pipelines/humaans/humaans.db 'SELECT count(*) FROM documents')" 1200
	lacks "$(log)" 'updatedAt\[\$gte\]'
}

@test "humaans: page size, debugging and the hours between syncs are heeded" {
	configure humaans '{"api_token": "env:API_TOKEN", "initial_sync_days": 365, "max_records_per_page": "240",
		"enable_debug_logging": "yes"}' /seed/api
	succeeds sync humaans documents
	equals "$(log | jq -r '.query["$limit"]' | sort -u)" 240
	equals "$(log | wc -l)" 6
	contains "$stderr" '/seed/api/documents'
	lacks "$stderr$output" "$TOKEN"
	forget_log
	succeeds make --no-print-directory -C pipelines/humaans documents
	equals "$(log)" ''
	succeeds make --no-print-directory -C pipelines/humaans documents EVERY=0s
	[ -n "$(log)" ]
}

@test "humaans: tries and time-out are heeded" {
	configure humaans '{"api_token": "env:API_TOKEN", "initial_sync_days": 365, "retry_attempts": 2}' /seed/api
	curl -sf -X POST "$PLAYGROUND/_fault?path=/seed/api/companies&fault=status:503:0&times=0" >/dev/null
	run sync humaans companies
	equals "$status" 2
	contains "$output" 'companies\] Error 75'
	equals "$(log | wc -l)" 2
	curl -sf -X POST "$PLAYGROUND/_reset" >/dev/null
	forget_log
	configure humaans '{"api_token": "env:API_TOKEN", "initial_sync_days": 365, "retry_attempts": "1", "request_timeout_seconds": "1"}' /seed/api
	curl -sf -X POST "$PLAYGROUND/_fault?path=/seed/api/companies&fault=hang&times=0" >/dev/null
	run sync humaans companies
	equals "$status" 2
	contains "$output" 'companies\] Error 75'
	equals "$(log | wc -l)" 1
}

@test "humaans-api: people and the rest, as the API has them" {
	succeeds sync humaans-api -j3
	db=pipelines/humaans-api/humaans-api.db
	for stream in companies documents job-roles people; do
		table=${stream//-/_}
		status=
		[ "$stream" != people ] || status='&status=all'
		equals "$(sql $db "SELECT id, created_at, updated_at FROM $table ORDER BY id")" \
			"$(api "/api/$stream" "$status" | jq -r '[.id, .createdAt, .updatedAt] | join("|")')"
	done
	equals "$(sql $db 'SELECT id, person_id, job_title, department, reporting_to, effective_date, end_date FROM job_roles ORDER BY id')" \
		"$(api /api/job-roles | jq -r '[.id, .personId, .jobTitle, .department, .reportingTo, .effectiveDate, .endDate] | join("|")')"
	equals "$(sql $db 'SELECT id, first_name, email, status FROM people ORDER BY id')" \
		"$(api /api/people '&status=all' | jq -r '[.id, .firstName, .email, .status] | join("|")')"
	succeeds sync humaans-api people
	[[ $(counts humaans-api people) == '0 0 '* ]]
}

@test "make check asks once a stream and writes nothing" {
	for name in http-bearer humaans humaans-api; do
		forget_log
		succeeds make --no-print-directory -C "pipelines/$name" check
		equals "$(log | wc -l)" "$(jq '.streams | length' "pipelines/$name/connector.json")"
		[ ! -e "pipelines/$name/$name.db" ]
	done
	API_TOKEN=wrong-token
	run make --no-print-directory -C pipelines/humaans check
	[ "$status" -ne 0 ]
	contains "$output" 'cs-fetch: .*401'
}

# start_killable PIPELINE ARGUMENT…: in a session of its own, so that everything in it can be ended.
start_killable() {
	name=$1
	shift
	setsid make --no-print-directory -C "pipelines/$name" FORCE=1 "$@" </dev/null >output 2>&1 3>&- &
	SESSION=$!
}

# wait_for COMMAND…: until it is true, 20 s at most
wait_for() {
	local i
	for ((i = 0; i < 400; i++)); do
		"$@" && return 0
		sleep 0.05
	done
	echo "never true: $*"
	return 1
}

asked() {
	[ "$(log | jq -c --arg path "$1" 'select(.path == $path)' | wc -l)" -ge "$2" ]
}

of_session() {
	ps -o "$1" -s "$SESSION" | cat
}

@test "killed at page 7, all of it: the next run goes on from there, nothing is lost or doubled" {
	curl -sf -X POST "$PLAYGROUND/_fault?path=/seed/api/documents&fault=hang&times=1&after=6" >/dev/null
	start_killable humaans documents
	wait_for asked /seed/api/documents 7
	# shellcheck disable=SC2046
	kill -9 $(of_session pid=)
	wait "$SESSION" || :
	saved=$(sql pipelines/humaans/humaans.db 'SELECT count(*) FROM documents')
	echo "saved when killed: $saved"
	[ "$saved" -gt 0 ] && [ "$saved" -le 595 ] && [ $((saved % 99)) -eq 1 ] # each page but the first brings 99 new ones
	forget_log
	succeeds sync humaans documents
	equals "$(rows pipelines/humaans/humaans.db documents)" "$(seed_documents)"
	# Page 7 or earlier: from the last page that was saved, which is read again to see that it is the same.
	skip=$(log | jq -r 'select(.path == "/seed/api/documents") | .query["$skip"] // 0' | head -n 1)
	echo "went on at: $skip"
	[ "$skip" -le 600 ] && [ "$skip" -ge $((saved - 100)) ]
}

@test "one stage killed: the rule fails, and the next run makes it good" {
	configure humaans '{"api_token": "env:API_TOKEN", "initial_sync_days": 365, "request_timeout_seconds": 1}' /seed/api
	for stage in cs-fetch cs-map cs-load; do
		rm -rf pipelines/humaans/humaans.db*
		curl -sf -X POST "$PLAYGROUND/_reset" >/dev/null
		curl -sf -X POST "$PLAYGROUND/_fault?path=/seed/api/documents&fault=hang&times=1&after=6" >/dev/null
		start_killable humaans documents
		wait_for asked /seed/api/documents 7
		kill -9 "$(of_session pid=,comm= | awk -v stage="$stage" '$2 == stage { print $1 }')"
		status=0
		wait "$SESSION" || status=$?
		echo "$stage: $status: $(cat output)"
		[ "$status" -ne 0 ]
		succeeds sync humaans documents
		equals "$(sql pipelines/humaans/humaans.db 'SELECT count(*), count(DISTINCT id) FROM documents')" '1200|1200'
	done
}

@test "a stage that cannot even begin makes the rule fail" {
	mkdir bin
	for tool in cs-fetch cs-map cs-load; do
		printf '#!/bin/sh\nexit 3\n' >"bin/$tool"
		chmod +x "bin/$tool"
		run make --no-print-directory -C pipelines/http-bearer FORCE=1 CS_BIN="$PWD/bin"
		[ "$status" -ne 0 ]
		rm "bin/$tool"
	done
	configure http-bearer '{"bearer_token": "env:NO_SUCH_TOKEN"}' ''
	run sync http-bearer
	[ "$status" -ne 0 ]
	contains "$output" 'NO_SUCH_TOKEN'
	rm pipelines/http-bearer/configuration.json
	run sync http-bearer
	[ "$status" -ne 0 ]
	contains "$output" 'copy configuration.json.template'
	[ ! -e pipelines/http-bearer/configuration.json ]
}

@test "the token is in no output, log, state, database or process list" {
	token=$TOKEN-x # what must not be found is asked for by pieces, so that this test finds itself nowhere
	configure humaans '{"api_token": "env:API_TOKEN", "initial_sync_days": 365, "enable_debug_logging": 1}' /seed/api
	curl -sf -X POST "$PLAYGROUND/_fault?path=/seed/api/documents&fault=delay:1000&times=1&after=2" >/dev/null
	start_killable humaans -j3
	wait_for asked /seed/api/documents 2
	of_session args= >processes
	wait "$SESSION"
	grep -q cs-fetch processes
	API_TOKEN=${token%-x}wrong
	run sync humaans companies
	printf '%s\n' "$output" >output.wrong
	[ "$status" -ne 0 ]
	rm authorization
	if grep -rlF -e "${token%-x}" .; then
		false
	fi
}

@test "LATER=1: what is for later is no failure, all else is; so does the systemd unit want it" {
	mkdir bin
	printf '#!/bin/sh\nexit 75\n' >bin/cs-state
	chmod +x bin/cs-state
	unit=$(sed -n 's/^ExecStart=//p' pipelines/systemd/cs-sync@.service)
	export CS_BIN=$PWD/bin
	ends_with_status 2 make --no-print-directory -C pipelines/humaans FORCE=1
	contains "$stderr" 'Error 75'
	succeeds make --no-print-directory -C pipelines/humaans FORCE=1 LATER=1
	cd pipelines/humaans
	succeeds sh -c "$unit"
	printf '#!/bin/sh\ncase "$*" in *" humaans/documents "*) exit 77 ;; esac\nexit 75\n' >"$CS_BIN/cs-state"
	ends_with_status 2 sh -c "$unit"
	contains "$stderr" 'documents\] Error 77'
	lacks "$stderr" 'Error 75'
}

@test "FULL asks for everything again, KEY and TABLE name others, status tells" {
	succeeds sync humaans companies
	forget_log
	succeeds sync humaans companies FULL=1
	lacks "$(log)" 'updatedAt\[\$gte\]'
	equals "$(counts humaans companies)" '0 0 12'
	succeeds sync http-bearer KEY.user=email TABLE.user=people
	equals "$(sql pipelines/http-bearer/http-bearer.db "SELECT name FROM pragma_table_info('people') WHERE pk")" email
	succeeds make --no-print-directory -C pipelines/http-bearer status
	contains "$output" '^http-bearer/user .* ok '
}

@test "a new connector is a connector.json and one line" {
	mv pipelines 'my pipelines'
	mkdir 'my pipelines/new'
	cd 'my pipelines/new'
	cat >connector.json <<-END
		{"url": "$PLAYGROUND", "records": ".data",
		 "streams": {"offset-users": {"path": "/pagination/offset", "paginate": "offset", "page-size": 50, "total": ".total"}}}
	END
	echo '{}' >configuration.json
	echo '{"names": "snake"}' >offset-users.map.json
	printf 'STREAMS := offset-users\ninclude ../cs.mk\n' >Makefile
	succeeds make
	equals "$(sql new.db 'SELECT count(*) FROM offset_users')" 200
}
