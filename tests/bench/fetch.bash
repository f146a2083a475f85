# shellcheck shell=bash disable=SC2154 # read by run
# cs-fetch beside curl. The server is not measured, only who asks it.
need jq curl
n=${RECORDS:-200000}
documents=$((n / 8))
TOKEN=bench-$RANDOM$RANDOM
export TOKEN NO_PROXY='*'
rm -f port
PLAYGROUND_TOKEN=$TOKEN playground --port 0 --port-file port --documents "$documents" --for 600 --quiet &
stop+=("kill $!")
while [ ! -s port ]; do sleep 0.05; done
url=http://127.0.0.1:$(cat port)/api/documents

title "cs-fetch: $documents records, pages of 250"
fetch="cs-fetch --auth bearer --token env:TOKEN --records .data --paginate offset --page-size 250 \
	--limit-param '\$limit' --offset-param '\$skip' --total .total '$url'"
pages="curl -sSf -H \"Authorization: Bearer \$TOKEN\" '$url?\$limit=250&\$skip=[0-$((documents - 1)):250]'"
row 'records' curl,jq "$fetch" "$pages | jq -c '.data[]'"
row 'the other only copies' curl "$fetch" "$pages"
