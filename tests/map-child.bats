# cs-map --child: the elements of arrays as rows of tables of their own.
load lib

# becomes INPUT EXPECTED [OPTION…]: status 0, nothing on stderr. ; divides lines.
becomes() {
	local input=$1 expected=$2
	shift 2
	printf '%s\n' "${input//;/$'\n'}" >in
	succeeds cs-map "$@" <in
	equals "$output" "${expected//;/$'\n'}" || { echo "with: $*"; return 1; }
	equals "$stderr" ""
}

items='{"@cs":"schema","table":"items","key":["_parent_id","_index"]}'

@test "objects, scalars and arrays become rows with the record's key and an index" {
	becomes '{"id":7,"a":1,"items":[{"sku":"x","n":1.10},{"sku":"y"}]}' \
		'{"id":7,"a":1};'"$items"';{"@cs":{"table":"items"},"_parent_id":7,"_index":0,"sku":"x","n":1.10};{"@cs":{"table":"items"},"_parent_id":7,"_index":1,"sku":"y"}' \
		--child items=items
	becomes '{"id":"k","items":[1,"x",null,[1, 2],{}]}' \
		'{"id":"k"};'"$items"';{"@cs":{"table":"items"},"_parent_id":"k","_index":0,"value":1};{"@cs":{"table":"items"},"_parent_id":"k","_index":1,"value":"x"};{"@cs":{"table":"items"},"_parent_id":"k","_index":2,"value":null};{"@cs":{"table":"items"},"_parent_id":"k","_index":3,"value":[1, 2]};{"@cs":{"table":"items"},"_parent_id":"k","_index":4}' \
		--child items=items
}

@test "no element, no row, and no declaration; it comes once" {
	becomes '{"id":1,"items":[]};{"id":2};{"items":null}' '{"id":1};{"id":2};{}' --child items=items
	becomes '{"id":1,"items":[0]};{"id":2,"items":[0]}' \
		'{"id":1};'"$items"';{"@cs":{"table":"items"},"_parent_id":1,"_index":0,"value":0};{"id":2};{"@cs":{"table":"items"},"_parent_id":2,"_index":0,"value":0}' \
		--child items=items
}

@test "rules reach the rows by their paths, and those alone" {
	while IFS='|' read -r options row; do
		echo '{"id":1,"n":"7","items":[{"theSku":"x","n":"7","o":{"p":[1]}}]}' >in
		# shellcheck disable=SC2086
		succeeds cs-map --child items=items --flatten $options <in
		equals "$(tail -n 1 <<<"$output")" "{\"@cs\":{\"table\":\"items\"},\"_parent_id\":1,\"_index\":0$row}" || { echo "with: $options"; return 1; }
		contains "$(head -n 1 <<<"$output")" '^\{"id":1,"n":"7"\}$'
	done <<-'CASES'
		|,"theSku":"x","n":"7","o_p":"[1]"
		--names snake|,"the_sku":"x","n":"7","o_p":"[1]"
		--rename items.theSku=sku|,"sku":"x","n":"7","o_p":"[1]"
		--rename items.o=q|,"theSku":"x","n":"7","q_p":"[1]"
		--type items.n=integer|,"theSku":"x","n":7,"o_p":"[1]"
		--type items.o.p=json|,"theSku":"x","n":"7","o_p":"[1]"
		--drop items.o|,"theSku":"x","n":"7"
		--keep id,n,items.n,items.theSku|,"n":"7","theSku":"x"
		--keep id,n|,"theSku":"x","n":"7","o_p":"[1]"
		--default items.z=0 --set items.n=1|,"theSku":"x","n":1,"o_p":"[1]","z":0
		--mask items.theSku|,"theSku":"***","n":"7","o_p":"[1]"
		--arrays keep|,"theSku":"x","n":"7","o_p":[1]
	CASES
}

@test "nested children have the key of the row they are in" {
	becomes '{"id":1,"o":{"items":[{"sku":"x","tax":[{"p":1},{"p":2}]},{"tax":[]},{"tax":[3]}]}}' \
		"{\"id\":1};$items;"'{"@cs":{"table":"items"},"_parent_id":1,"_index":0,"sku":"x"};{"@cs":"schema","table":"taxes","key":["_parent_parent_id","_parent_index","_index"]};{"@cs":{"table":"taxes"},"_parent_parent_id":1,"_parent_index":0,"_index":0,"p":1};{"@cs":{"table":"taxes"},"_parent_parent_id":1,"_parent_index":0,"_index":1,"p":2};{"@cs":{"table":"items"},"_parent_id":1,"_index":1};{"@cs":{"table":"items"},"_parent_id":1,"_index":2};{"@cs":{"table":"taxes"},"_parent_parent_id":1,"_parent_index":2,"_index":0,"value":3}' \
		--flatten --child o.items=items --child o.items.tax=taxes
	becomes '{"id":1,"m":[[1,2],[3]]}' \
		'{"id":1};{"@cs":"schema","table":"rows","key":["_parent_id","_index"]};{"@cs":{"table":"rows"},"_parent_id":1,"_index":0};{"@cs":"schema","table":"cells","key":["_parent_parent_id","_parent_index","_index"]};{"@cs":{"table":"cells"},"_parent_parent_id":1,"_parent_index":0,"_index":0,"value":1};{"@cs":{"table":"cells"},"_parent_parent_id":1,"_parent_index":0,"_index":1,"value":2};{"@cs":{"table":"rows"},"_parent_id":1,"_index":1};{"@cs":{"table":"cells"},"_parent_parent_id":1,"_parent_index":1,"_index":0,"value":3}' \
		--child m=rows --child m.value=cells
}

@test "the key is what --child-key says, as it is in the output" {
	becomes '{"Org":"o","orderNo":12345678901234567890,"t":[1]}' \
		'{"Org":"o","no":"12345678901234567890"};{"@cs":"schema","table":"t","key":["_parent_no","_parent_Org","_index"]};{"@cs":{"table":"t"},"_parent_no":"12345678901234567890","_parent_Org":"o","_index":0,"value":1}' \
		--child t=t --child-key orderNo,Org --rename orderNo=no --type no=string
	for record in '{"t":[1]}' '{"id":null,"t":[1]}' '{"id":[1],"t":[1]}' '{"id":{},"t":[1]}'; do
		fails_with 65 cs-map --child t=t <<<"$record"
		contains "$stderr" 'stdin:1: id is (missing|null|no scalar): the rows of --child need it'
		equals "$output" ""
	done
}

@test "what is no array is refused; of two arrays with one key the last counts" {
	for value in 7 '"x"' '{"a":1}' true; do
		fails_with 65 cs-map --child t=t <<<"{\"id\":1,\"t\":$value}"
		contains "$stderr" 't is no array: --child cannot make rows of it'
	done
	succeeds cs-map --flatten --child o.t=t <<<'{"id":1,"o":{"t":[1]},"o":{"t":[2],"t":[3]}}'
	equals "$(grep -c '"_index"' <<<"$output")" 2 # its declaration, and one row
	contains "$output" '"value":3'
	succeeds cs-map --flatten --child o.t=t <<<'{"id":1,"o":{"t":[1]},"o":null}'
	equals "$output" '{"id":1,"o":null}'
}

@test "a column of an element that is named as its key: refused, with both names" {
	fails_with 65 cs-map --child t=t <<<'{"id":1,"t":[{"_index":7}]}'
	contains "$stderr" 't\._index would be a column named as the key of the row'
	fails_with 65 cs-map --child t=t --names snake <<<'{"id":1,"t":[{"_parentId":7}]}'
	contains "$stderr" 't\._parentId would be'
	becomes '{"id":1,"t":[{"_index":7}]}' \
		'{"id":1};{"@cs":"schema","table":"t","key":["_parent_id","_index"]};{"@cs":{"table":"t"},"_parent_id":1,"_index":0,"no":7}' \
		--child t=t --rename t._index=no
}

@test "a record goes through with all its rows or not at all" {
	printf '%s\n' '{"id":1,"t":[{"n":"1"},{"n":"x"}]}' '{"id":2,"t":[{"n":"2"}]}' >in
	run -1 --separate-stderr cs-map --child t=t --type t.n=integer --rejects aside <in
	equals "$output" '{"id":2}
{"@cs":"schema","table":"t","key":["_parent_id","_index"]}
{"@cs":{"table":"t"},"_parent_id":2,"_index":0,"n":2}'
	equals "$(jq -r .record aside)" '{"id":1,"t":[{"n":"1"},{"n":"x"}]}'
}

@test "tags: rows are upserts into their own table; a deletion has none" {
	becomes '{"@cs":{"table":"orders","op":"update"},"id":1,"t":[5]}' \
		'{"@cs":{"table":"orders","op":"update"},"id":1};{"@cs":"schema","table":"t","key":["_parent_id","_index"]};{"@cs":{"table":"t"},"_parent_id":1,"_index":0,"value":5}' \
		--child t=t
	becomes '{"@cs":{"op":"delete"},"id":1,"t":[5]}' '{"@cs":{"op":"delete"},"id":1}' --child t=t
}

@test "counts in control lines are those of all rows" {
	printf '%s\n' '{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":null}' '{"id":1,"t":[5,6]}' \
		'{"@cs":"end","stream":"s","run":"r","records":1,"complete":true}' >in
	succeeds cs-map --child t=t <in
	contains "$(tail -n 1 <<<"$output")" '"records":3'
	cs-map --child t=t <in | cs-load --to sqlite:x.db --table p --key id >/dev/null
	equals "$(sql x.db 'select * from p; select * from t')" $'1\n1|0|5\n1|1|6'
}

@test "into a database: a complete run removes the rows of elements that have gone" {
	for last in '{"id":1,"t":[5,6,7]}' '{"id":1,"t":[5]}'; do
		printf '%s\n' '{"@cs":"begin","version":1,"stream":"s","run":"r","mode":"full","from":null}' "$last" \
			'{"@cs":"end","stream":"s","run":"r","records":1,"complete":true}' |
			cs-map --child t=t | cs-load --to sqlite:x.db --table p --key id --delete-missing hard >/dev/null
	done
	equals "$(sql x.db 'select * from t')" '1|0|5'
}

@test "many rows of many records, in constant memory" {
	jq -nc 'range(2000) | {id: ., t: [range(100) | {n: ., o: {p: "x"}}]}' >in
	succeeds cs-map --flatten --child t=t <in
	equals "$(wc -l <<<"$output")" $((2000 + 1 + 200000))
	equals "$(tail -n 1 <<<"$output")" '{"@cs":{"table":"t"},"_parent_id":1999,"_index":99,"n":99,"o_p":"x"}'
}
