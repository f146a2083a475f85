# The pipelines of pipelines/, copied into the current directory, and what the API has: for tests that compare the two.
# shellcheck shell=bash disable=SC2016 # $@ is make's, $limit the API's

# configure PIPELINE JSON PATH
configure() {
	jq --arg url "$PLAYGROUND$3" '. + {base_url: $url}' <<<"$2" >"pipelines/$1/configuration.json"
}

# sync PIPELINE [make's arguments]: what happened is left in pipelines/PIPELINE/STREAM.stats.
sync() {
	local name=$1
	shift
	make --no-print-directory -C "pipelines/$name" FORCE=1 'LOAD=--stats $@.stats' "$@"
}

# counts PIPELINE STREAM: inserted updated unchanged
counts() {
	jq -r '"\(.inserted) \(.updated) \(.unchanged)"' "pipelines/$1/$2.stats"
}

# api PATH: all records of a list, one a line.
api() {
	local skip=0 page
	while page=$(curl -sfg -H @authorization "$PLAYGROUND$1?\$limit=250&\$skip=$skip&\$sort[id]=1$2"); do
		jq -c '.data[]' <<<"$page"
		skip=$((skip + 250))
		[ "$skip" -lt "$(jq .total <<<"$page")" ] || break
	done
}

log() {
	curl -sf "$PLAYGROUND/_log"
}

forget_log() {
	curl -sf -X DELETE "$PLAYGROUND/_log" >/dev/null
}

change() {
	curl -sf -X POST "$PLAYGROUND/_$1?resource=$2&count=$3" >/dev/null
}

# rows DB TABLE: the rows as JSON arrays, columns in their order, without the time they were written;
# sorted by id, which comes first.
rows() {
	local columns
	columns=$(sqlite3 "$1" "SELECT group_concat('\"' || name || '\"', ',') FROM pragma_table_info('$2') WHERE name <> 'timestamp'")
	sqlite3 -readonly "$1" "SELECT json_array($columns) FROM \"$2\" ORDER BY id" | jq -c .
}

columns() {
	sqlite3 -readonly "$1" "SELECT group_concat(name, ' ') FROM pragma_table_info('$2')"
}

# As the seed's tables have them, but null and what is missing is NULL; SQLite's true is 1.
seed_companies() {
	api /seed/api/companies | jq -c '[.id, .name, .description, .website, .phone, (.address |
		.line1, .line2, .city, .state, .country, .postalCode), .createdAt, .updatedAt]'
}

seed_documents() {
	api /seed/api/documents | jq -c 'def text: if . == null then . else tojson end; [.id, .name, .description, .type, .filename, .url, .personId, .fileSize,
		.mimeType, .expiryDate, (.tags | text), .createdAt, .updatedAt]'
}

seed_job_roles() {
	api /seed/api/job-roles | jq -c 'def text: if . == null then . else tojson end;
		[.id, .name, .description, .department, .location, .employmentType,
		(.salaryRange | .min, .max, .currency), (.requirements, .responsibilities, .benefits | text),
		(.isActive | if . == true then 1 elif . == false then 0 else . end), .createdAt, .updatedAt]'
}

same_as_api() {
	local db=pipelines/humaans/humaans.db
	equals "$(rows $db companies)" "$(seed_companies)" &&
		equals "$(rows $db documents)" "$(seed_documents)" &&
		equals "$(rows $db job_roles)" "$(seed_job_roles)"
}

