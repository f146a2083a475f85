# The Makefile: what it installs, what it asks for, what it leaves behind.
load lib

setup_file() {
	need make git
}

# A copy of the tree as it stands, built quickly, in ./tree; once for the file.
tree() {
	TREE=$BATS_FILE_TMPDIR/tree
	[ -d "$TREE" ] || copy_and_build
}

copy_and_build() {
	git -C "$ROOT" rev-parse >/dev/null 2>&1 || skip "this tree has no git"
	mkdir "$TREE"
	(cd "$ROOT" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$TREE")
	cd "$TREE" || return
	git init -q
	git add -A
	git -c user.name=t -c user.email=t@t commit -q -m t
	make -s CFLAGS=-O0 SANITIZE= all playground
}

@test "a build leaves the tree as git knows it" {
	tree
	equals "$(git -C "$TREE" status --porcelain)" ""
}

@test "make again does nothing" {
	tree
	succeeds make -C "$TREE" --no-print-directory CFLAGS=-O0 SANITIZE= all playground
	lacks "$output" 'cc|gcc|clang|\bar\b'
}

@test "install puts programs, manuals and pipelines below DESTDIR; uninstall leaves nothing" {
	tree
	succeeds make -s -C "$TREE" CFLAGS=-O0 SANITIZE= install DESTDIR="$PWD/dest" PREFIX=/opt/cs
	equals "$(cd dest && find . -path ./opt/cs/share/cs -prune -o -type f -print | sort)" "$(
		{
			printf './opt/cs/bin/%s\n' cs-fetch cs-load cs-map cs-singer cs-state
			cd "$ROOT/man" && printf '%s\n' * | sed -E 's|.*\.([157])$|./opt/cs/share/man/man\1/&|'
		} | sort
	)"
	succeeds dest/opt/cs/bin/cs-map --version
	[ -e dest/opt/cs/share/cs/pipelines/http-bearer/connector.json ]
	[ -e dest/opt/cs/share/cs/pipelines/humaans/connector.json ]
	succeeds make -s -C "$TREE" uninstall DESTDIR="$PWD/dest" PREFIX=/opt/cs
	equals "$(find dest -type f -o -type l)" ""
	[ ! -e dest/opt/cs/share/cs ]
}

@test "an installed program that was stripped of its tree still runs" {
	tree
	make -s -C "$TREE" CFLAGS=-O0 SANITIZE= install DESTDIR="$PWD/dest"
	(cd / && echo '{"a":1}' | "$OLDPWD/dest/usr/local/bin/cs-map" --keep a)
}

@test "clean removes what was built and the demo's databases" {
	tree
	cp -r "$TREE" copy
	mkdir copy/demo
	make -s -C copy clean
	[ ! -e copy/build ] && [ ! -e copy/demo ] && [ ! -e copy/tests/playground/playground ]
	equals "$(git -C copy status --porcelain --ignored)" ""
}

@test "help lists the targets" {
	succeeds make -C "$ROOT" --no-print-directory help
	for target in $(sed -n 's/^\.PHONY: \(.*\) FORCE$/\1/p' "$ROOT/Makefile"); do
		contains "$output" "^make $target +."
	done
	contains "$output" '^make e2e +.'
	lacks "$output" '^.{81}'
}

@test "deps is silent and asks no network when all is there" {
	need unshare
	unshare -n true 2>/dev/null || skip "no right to run without a network"
	succeeds unshare -n make -C "$ROOT" --no-print-directory deps
	equals "$output$stderr" ""
}

# A PATH that holds these programs and those that deps.sh itself needs. They are scripts, not links:
# whatever a test writes to bin/ stays in bin/.
only() {
	mkdir bin
	local c
	for c in cat id awk tr mktemp rm env "$@"; do
		printf '#!/bin/sh\nexec %s "$@"\n' "$(type -P "$c")" >"bin/$c"
	done
	chmod +x bin/*
}

fake() {
	printf '#!/bin/sh\necho "%s $*" >>"%s/calls"\n%s\n' "$1" "$PWD" "${2:-}" >"bin/$1"
	chmod +x "bin/$1"
}

@test "deps installs just what is missing where it may" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	only pkg-config sqlite3
	fake apt-get
	CC=true PATH=$PWD/bin succeeds "$ROOT/tests/deps.sh" build demo
	[ ! -e calls ]
	rm bin/sqlite3
	CC=true PATH=$PWD/bin succeeds "$ROOT/tests/deps.sh" build demo
	contains "$output" '^missing: .*sqlite3'
	contains "$(head -n 1 calls)" '^apt-get update'
	contains "$(tail -n 1 calls)" '^apt-get install .* sqlite3$'
}

@test "deps shows what the package manager said when it fails" {
	[ "$(id -u)" -eq 0 ] || skip "not root"
	only pkg-config
	fake apt-get 'echo "E: no such luck" >&2; exit 100'
	CC=true PATH=$PWD/bin run -1 "$ROOT/tests/deps.sh" demo
	contains "$output" 'E: no such luck'
}

@test "deps without rights names the command, and names packages for other systems" {
	local pm want
	only pkg-config
	while read -r pm want; do
		rm -f bin/apt-get bin/dnf bin/apk bin/brew bin/pacman
		fake "$pm"
		fake id 'echo 1000' # not root
		CC=false PATH=$PWD/bin run -1 "$ROOT/tests/deps.sh" build
		contains "$output" "$want"
	done <<-'EOF'
		apt-get sudo apt-get install .*libcurl4-openssl-dev libjq-dev libonig-dev libcjson-dev libsqlite3-dev zlib1g-dev
		dnf sudo dnf install .*libcurl-devel jq-devel
		apk sudo apk add curl-dev jq-dev
		brew brew install curl jq
		pacman sudo pacman .*curl jq
	EOF
	lacks "$(cat calls)" 'apt-get|dnf|apk|brew|pacman'
}

@test "a missing library is named before the compiler trips over it" {
	git -C "$ROOT" rev-parse >/dev/null 2>&1 || skip "this tree has no git"
	mkdir copy
	(cd "$ROOT" && git ls-files -z | xargs -0 cp --parents -t "$BATS_TEST_TMPDIR/copy")
	run -2 make -C copy CC=false SANITIZE= all
	contains "$output" '^missing: .*libcurl'
}
