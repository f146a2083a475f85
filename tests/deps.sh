#!/bin/sh
# Look for what the groups given need, and install what is missing where that is possible.
#
# usage: tests/deps.sh [-n] GROUP...      groups: build demo check bench lint peers cluster; -n: only say what is missing
# Nothing missing: says nothing, asks no network, exit 0. Otherwise 1 unless it could be installed.
set -u
PATH=$PATH:/usr/sbin # where daemons are
for dir in /usr/lib/postgresql/*/bin; do PATH=$PATH:$dir; done # and Debian's
cc=${CC:-cc}
install=1
[ "${1:-}" = -n ] && install='' && shift

# One need a line: group, what proves it, and its package for apt, dnf, apk, brew and pacman (- for none).
# A proof is a command to be found, or lib:NAME:HEADER:LIBRARIES to be compiled and linked, with
# pkg-config's word on NAME where it has one (jq 1.6 has none).
needs='build cc                                                gcc,libc6-dev         gcc              gcc,musl-dev      gcc          gcc
build pkg-config                                        pkg-config            pkgconf-pkg-config pkgconf         pkgconf      pkgconf
build lib:libcurl:curl/curl.h:-lcurl                    libcurl4-openssl-dev  libcurl-devel    curl-dev          curl         curl
build lib:libjq:jq.h:-ljq,-lonig                        libjq-dev,libonig-dev jq-devel,oniguruma-devel jq-dev,oniguruma-dev jq,oniguruma jq,oniguruma
build lib:libcjson:cjson/cJSON.h:-lcjson                libcjson-dev          cjson-devel      cjson-dev         cjson        cjson
build lib:sqlite3:sqlite3.h:-lsqlite3                   libsqlite3-dev        sqlite-devel     sqlite-dev        sqlite       sqlite
build lib:zlib:zlib.h:-lz                               zlib1g-dev            zlib-devel       zlib-dev          zlib         zlib
build lib:libzstd:zstd.h:-lzstd                          libzstd-dev           libzstd-devel    zstd-dev          zstd         zstd
build lib:libcrypto:openssl/evp.h:-lcrypto              libssl-dev            openssl-devel    openssl-dev       openssl@3    openssl
build lib:libpq:libpq-fe.h:-lpq                          libpq-dev             libpq-devel      libpq-dev         libpq        postgresql-libs
demo  lib:libmicrohttpd:microhttpd.h:-lmicrohttpd       libmicrohttpd-dev     libmicrohttpd-devel libmicrohttpd-dev libmicrohttpd libmicrohttpd
demo  sqlite3                                           sqlite3               sqlite           sqlite            sqlite       sqlite
check bats                                              bats                  bats             bats              bats-core    bash-bats
check parallel                                          parallel              parallel         parallel          parallel     parallel
check jq                                                jq                    jq               jq                jq           jq
check curl                                              curl                  curl             curl              curl         curl
check mandoc                                            mandoc                mandoc           mandoc            mandoc       mandoc
check faketime                                          faketime              libfaketime      libfaketime       libfaketime  libfaketime
check strace                                            strace                strace           strace            -            strace
check ps                                                procps                procps-ng        procps            -            procps-ng
check openssl                                           openssl               openssl          openssl           openssl      openssl
check postgres                                          postgresql            postgresql-server postgresql      postgresql   postgresql
check perl                                              perl                  perl             perl              perl         perl
peers nginx                                             nginx-light           nginx            nginx             nginx        nginx
peers haproxy                                           haproxy               haproxy          haproxy           haproxy      haproxy
peers apache2                                           apache2-bin           -                -                 -            -
peers squid                                             squid                 squid            squid             squid        squid
peers npm                                               npm                   nodejs-npm       npm               node         npm
peers gunicorn                                          gunicorn              -                -                 -            -
peers csvclean                                          csvkit                -                -                 csvkit       -
peers mlr                                               miller                miller           miller            miller       miller
peers json_verify                                       yajl-tools            yajl             yajl-tools        yajl         yajl
peers isutf8                                            moreutils             moreutils        moreutils         moreutils    moreutils
peers py:httpbin                                        python3-httpbin       -                -                 -            -
check sqldiff                                           sqlite3-tools         sqlite-tools     sqlite-tools      sqlite       -
check git                                               git                   git              git               git          git
check zstd                                              zstd                  zstd             zstd              zstd         zstd
check xz                                                xz-utils              xz               xz                xz           xz
check python3                                           python3               python3          python3           python       python
check py:h2                                             python3-h2            python3-h2       py3-h2            -            python-h2
check valgrind                                          valgrind              valgrind         valgrind          -            valgrind
bench jq                                                jq                    jq               jq                jq           jq
bench sqlite3                                           sqlite3               sqlite           sqlite            sqlite       sqlite
bench nginx                                             nginx-light           nginx            nginx             nginx        nginx
bench python3                                           python3,python3-requests python3,python3-requests python3,py3-requests python3 python,python-requests
bench curl                                              curl                  curl             curl              curl         curl
cluster slurmctld                                       slurm-wlm             -                -                 -            -
cluster munged                                          munge                 munge            munge             munge        munge
cluster ip                                              iproute2              iproute          iproute2          -            iproute2
bench npm                                               nodejs,npm            nodejs,npm       nodejs,npm        node         nodejs,npm
lint  mandoc                                            mandoc                mandoc           mandoc            mandoc       mandoc
lint  shellcheck                                        shellcheck            ShellCheck       shellcheck        shellcheck   shellcheck
lint  clang-format                                      clang-format          clang-tools-extra clang-extra-tools clang-format clang
lint  cppcheck                                          cppcheck              cppcheck         cppcheck          cppcheck     cppcheck'

# there PROOF: is it installed?
there() {
	case $1 in
	lib:*)
		oldifs=$IFS IFS=:
		# shellcheck disable=SC2086 # four fields
		set -- $1
		IFS=$oldifs
		flags=$(pkg-config --cflags --libs "$2" 2>/dev/null) || flags=$(echo "$4" | tr , ' ')
		# shellcheck disable=SC2086 # a list of options
		printf '#include <stdio.h>\n#include <%s>\nint main(void) { return 0; }\n' "$3" |
			"$cc" -x c -o "$tmp" - $flags 2>/dev/null
		;;
	py:*)
		/usr/bin/python3 -c "import ${1#py:}" 2>/dev/null
		;;
	cc)
		command -v "$cc" >/dev/null
		;;
	*)
		command -v "$1" >/dev/null
		;;
	esac
}

tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT

# The system's package manager, its column above and how it installs.
column='' sudo=''
for pm in apt-get:5 dnf:6 apk:7 brew:8 pacman:9; do
	command -v "${pm%:*}" >/dev/null && column=${pm#*:} pm=${pm%:*} && break
done
[ "$pm" = brew ] || [ "$(id -u)" -eq 0 ] || sudo='sudo '
case $pm in
apt-get) command="apt-get install -y --no-install-recommends" ;;
dnf) command="dnf install -y" ;;
apk) command="apk add" ;;
brew) command="brew install" ;;
pacman) command="pacman -S --needed" ;;
esac

missing='' packages=''
while read -r group proof row; do
	case " $* " in *" $group "*) there "$proof" && continue ;; *) continue ;; esac
	case $proof in lib:*) proof=${proof#lib:} proof=${proof%%:*} ;; esac
	missing="$missing $proof"
	[ -n "$column" ] || continue
	package=$(echo "$group $proof $row" | awk -v c=$((column - 2)) '{ print $c }' | tr , ' ')
	[ "$package" = - ] || packages="$packages $package"
done <<EOF
$needs
EOF
[ -n "$missing" ] || exit 0

if [ -z "$column" ]; then
	echo "missing:$missing (install them with your package manager)" >&2
	exit 1
fi
if [ -n "$install" ] && [ "$pm" = apt-get ] && { [ -z "$sudo" ] || sudo -n true 2>/dev/null; }; then
	echo "missing:$missing; installing:$packages"
	export DEBIAN_FRONTEND=noninteractive
	# Debian's PostgreSQL would make and start a cluster of its own.
	conf=/etc/postgresql-common/createcluster.conf
	case $packages in *postgresql*)
		[ -e $conf ] || ${sudo:+sudo -n} sh -c "mkdir -p ${conf%/*} && echo 'create_main_cluster = false' >$conf"
		;;
	esac
	# sudo drops the environment
	${sudo:+sudo -n} apt-get update -q </dev/null >"$tmp" 2>&1
	# shellcheck disable=SC2086
	${sudo:+sudo -n env DEBIAN_FRONTEND=noninteractive} $command -q $packages </dev/null >>"$tmp" 2>&1 && exit 0
	cat "$tmp" >&2
	exit 1
fi
echo "missing:$missing; install with: $sudo$command$packages" >&2
exit 1
