# The cs tools. GNU make, a C11 compiler, no configure step. `make help` lists the targets.

PREFIX  ?= /usr/local
DESTDIR ?=
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/cs
CFLAGS  ?= -O2 -g

tools := cs-fetch cs-map cs-load cs-state
scripts := cs-singer
dirs  := lib fetch map load state
man   := $(wildcard man/*.[157])

# SANITIZE=address,undefined builds beside the plain build and runs the same suite.
ifdef SANITIZE
B      := build/sanitize
san    := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
else
B      := build
endif
# SIMD=0 takes the scalar twin of the scanner everywhere.
simd-0 := -DCS_SCALAR

warn   := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
          -Wwrite-strings -Wvla -Wformat=2
flags   = -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -I. -Ilib $(warn) $(WERROR) $(san) $(simd-$(SIMD)) \
          -fstack-protector-strong $(pc-cflags)

# Not linked with: libjq, which lib/jqload.c loads when there is a program, and libpq, lib/pgload.c when a server is named.
pc        = $(shell pkg-config $(1) $(2) 2>/dev/null)
pc-cflags := $(call pc,--cflags,libcurl sqlite3 libcjson libpq)
curl      := $(or $(call pc,--libs,libcurl),-lcurl)
sqlite    := $(or $(call pc,--libs,sqlite3),-lsqlite3)
cjson     := $(or $(call pc,--libs,libcjson),-lcjson)
z         := $(or $(call pc,--libs,zlib),-lz)
zstd      := $(or $(call pc,--libs,libzstd),-lzstd)
crypto    := $(or $(call pc,--libs,libcrypto),-lcrypto)
mhd       := $(or $(call pc,--libs,libmicrohttpd),-lmicrohttpd)

libs-cs-fetch = $(curl) $(cjson) $(z) $(zstd) $(crypto) -ldl
libs-cs-map   = -ldl
libs-cs-load  = $(sqlite) $(cjson) $(z) $(zstd) -ldl
libs-cs-state = $(sqlite) $(cjson) -ldl

objs        = $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1)/*.c))

all: $(tools:%=$(B)/%) $(scripts:%=$(B)/%) ## build the four tools into build/

define tool
$(B)/cs-$(1): $(call objs,$(1)) $(B)/libcs.a
	$$(CC) $$(CFLAGS) $$(flags) $$(LDFLAGS) -o $$@ $$^ $$(libs-cs-$(1)) -lm
endef
$(foreach t,fetch map load state,$(eval $(call tool,$(t))))

$(B)/cs-singer: map/cs-singer
	@mkdir -p $(@D)
	install $< $@

$(B)/libcs.a: $(call objs,lib)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/obj/%.o: %.c $(B)/flags | $(B)/deps
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(flags) -MMD -MP -c -o $@ $<

# The API that demo and tests sync from, and the programs that test lib/ alone.
$(B)/playground: $(call objs,tests/playground)
	$(CC) $(CFLAGS) $(flags) $(LDFLAGS) -o $@ $^ $(mhd) $(cjson) $(z) -lm -lpthread

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libcs.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(flags) $(LDFLAGS) -o $@ $^ $(cjson) $(sqlite) $(z) $(zstd) -lm -ldl
units := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))

# The scanner's scalar twin, for tests/scan.bats.
$(B)/unit/lib-scalar: $(B)/obj/tests/unit/lib.o $(B)/obj/lib/scan-scalar.o $(B)/libcs.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(flags) $(LDFLAGS) -o $@ $^
units += $(B)/unit/lib-scalar

$(B)/obj/lib/scan-scalar.o: lib/scan.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(flags) -DCS_SCALAR -MMD -MP -c -o $@ $<

# Fuzz targets link all of lib/ and of fetch/, or of the tool that fuzzed-NAME says, but the main program: with clang's
# libFuzzer, and as programs that feed them the kept corpus, for tests/fuzz.bats.
fuzzers    := $(filter-out replay wrap,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
fuzzed-map := map
fuzzed-bridge := map
fuzzed-load := load
fuzzed-schema := load
fuzzed      = $(filter-out %/main.c,$(wildcard lib/*.c $(or $(fuzzed-$(1)),fetch)/*.c)) tests/fuzz/wrap.c
fuzz-libs   = $(libs-cs-fetch) $(sqlite) -lm $(foreach f,exit errx popen,-Wl,--wrap=$(f))
clang-fuzz  = clang $(subst -fstack-protector-strong,,$(flags)) -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all

define fuzzer
$(B)/fuzz/$(1): $(B)/obj/tests/fuzz/$(1).o $(B)/obj/tests/fuzz/replay.o $(patsubst %.c,$(B)/obj/%.o,$(call fuzzed,$(1)))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS) $$(flags) $$(LDFLAGS) -o $$@ $$^ $$(fuzz-libs)
build/fuzzing/$(1): $(patsubst %.c,build/fuzzing/obj/%.o,tests/fuzz/$(1).c $(call fuzzed,$(1)))
	$$(clang-fuzz) -fsanitize=fuzzer -o $$@ $$^ $$(fuzz-libs)
endef
$(foreach f,$(fuzzers),$(eval $(call fuzzer,$(f))))
units += $(fuzzers:%=$(B)/fuzz/%)

build/fuzzing/obj/%.o: %.c
	@mkdir -p $(@D)
	$(clang-fuzz) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

# It keeps what it takes until exit, so it is begun anew now and then, whenever it is out of memory (71).
fuzz-connector = -detect_leaks=0 -fork=1 -ignore_ooms=1 -rss_limit_mb=1000 -print_funcs=0
fuzz-ok-connector = || [ $$? -eq 71 ]
# What is new goes to build/fuzzing/corpus; build/fuzzing/NAME -merge=1 tests/fuzz/corpus/NAME ... keeps the best of it.
define fuzz-one
@mkdir -p build/fuzzing/corpus/$(1) && echo "fuzz $(1)"
@build/fuzzing/$(1) -max_total_time=$(or $(FUZZ),60) -max_len=4096 -timeout=5 -verbosity=0 -print_final_stats=1 \
    $(fuzz-$(1)) -artifact_prefix=build/fuzzing/$(1)- build/fuzzing/corpus/$(1) tests/fuzz/corpus/$(1) $(fuzz-ok-$(1))

endef
fuzz: $(fuzzers:%=build/fuzzing/%) ## feed parsers random texts, FUZZ=60 each, F='csv link' (clang)
	$(foreach f,$(or $(F),$(fuzzers)),$(call fuzz-one,$(f)))

# SEED=N for all of them; FETCH='--cuts 1000' KILL='--kills 1000' POWER='--cuts 200' ... are options of each. What was interrupted
# goes on where it was, with its seed: build/torture has how far each has come.
torments := fetch kill kills syscalls limits power concurrency scale
TORTURE_kill = $(or $(KILL),--kills 1000)
TORTURE_kills = --kill $(KILLS)
TORTURE_power = $(or $(POWER),--cuts 200)
TORTURE_fetch = $(FETCH)
TORTURE_syscalls = $(SYSCALLS)
TORTURE_limits = $(LIMITS)
TORTURE_concurrency = $(CONCURRENCY)
TORTURE_scale = $(SCALE)
torture: all playground ## kills, failing calls, full disks, power cuts, for hours
	@$(foreach t,$(torments),BUILD=$(B) tests/torture/$(t:kills=syscalls) $(TORTURE_$(t)) $(SEED:%=--seed %) --progress $(B)/torture/$(t) &&) :

$(B)/usage: $(B)/obj/tests/bench/usage.o
	$(CC) $(CFLAGS) $(flags) $(LDFLAGS) -o $@ $^

benches := $(patsubst tests/bench/%.c,$(B)/bench/%,$(filter-out %/usage.c,$(wildcard tests/bench/*.c)))
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/libcs.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(flags) $(LDFLAGS) -o $@ $^ $(cjson) $(sqlite) -lm -ldl

playground: $(B)/playground ## the mock API: tests/playground/playground --port 5001
	@ln -sf ../../$< tests/playground/playground

# A make of its own, after what it needs was installed; on all processors unless told otherwise.
sub = $(MAKE) --no-print-directory -s $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc || echo 2))

demo: ## sync both seed pipelines twice from a local server into demo/
	@CC='$(CC)' tests/deps.sh build demo
	@+$(sub) all playground $(B)/usage
	@BUILD=$(B) tests/demo.sh

check: ## build with -Werror, run all tests or T='tests/load-*.bats'
	@CC='$(CC)' tests/deps.sh build demo check
	@+$(sub) WERROR=-Werror all playground $(units) $(B)/bench/records
	@BUILD=$(B) tests/run $(T)

# Their packages start services of their own where they are installed.
e2e: ## run against nginx, squid, DuckDB and others, and install them
	@CC='$(CC)' tests/deps.sh build demo check peers
	@cd build/peers 2>/dev/null && [ -d node_modules/@duckdb ] && [ -d node_modules/verdaccio ] || \
	    npm install --prefix build/peers --no-audit --no-fund --silent oauth2-mock-server@9 aws4@1 \
	    json-server@0.17 pouchdb@9 pouchdb-adapter-memory@9 express-pouchdb@4 verdaccio@6 @duckdb/node-api || :
	@+$(sub) all playground
	@BUILD=$(B) tests/run $(or $(T),$(wildcard tests/e2e/*.bats))

cluster-check: ## break Slurm and PostgreSQL on three nodes (root; installs)
	@CC='$(CC)' tests/deps.sh build demo check cluster
	@+$(sub) all playground
	@BUILD=$(B) tests/run tests/engines.bats
	@BUILD=$(B) tests/cluster/run $(S)

bench: ## compare CPU time and memory with others', all or S='map load'
	@CC='$(CC)' tests/deps.sh build demo
	@tests/deps.sh bench || :
	@+$(sub) all playground $(B)/usage $(benches)
	@BUILD=$(B) tests/bench/run $(S)

sh := map/cs-singer tests/run tests/deps.sh tests/demo.sh tests/lib.bash tests/cases.bash .ci/run tests/bench/run \
    pipelines/slurm/account pipelines/slurm/cluster pipelines/slurm/sync.sbatch $(addprefix tests/cluster/,run growth on lib.bash)
c  := $(wildcard $(dirs:%=%/*.c) tests/*/*.c)
lint: ## check the style of code, scripts and man pages
	@tests/deps.sh lint
	mandoc -T lint -W warning $(man)
	shellcheck -x $(sh) $(wildcard tests/bench/*.bash)
	shellcheck --shell=bats --severity=warning --exclude=SC2030,SC2031,SC2154 $(wildcard tests/*.bats tests/e2e/*.bats)
	clang-format --dry-run -Werror $(c)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --library=posix --library=gnu -I. -Ilib \
	    -D_GNU_SOURCE '-D_Noreturn=__attribute__((noreturn))' --enable=warning,portability,performance \
	    $(patsubst %,--suppress=%,missingInclude readdirCalled uninitvar negativeIndex:map/tree.c) $(c)

fmt: ## run clang-format over the C files (headers are set by hand)
	clang-format -i $(c)

pipelines := $(wildcard pipelines/*.mk $(addprefix pipelines/*/,Makefile *.json *.template *.service *.timer *.sbatch *.yaml))
pipelines := $(filter-out %/configuration.json,$(pipelines))
commands  := pipelines/slurm/account pipelines/slurm/cluster
manual     = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
install: all ## install programs, manuals and pipelines: PREFIX= DESTDIR=
	install -d $(DESTDIR)$(BINDIR) $(sort $(dir $(foreach m,$(man),$(call manual,$(m)))) \
	    $(dir $(pipelines:%=$(DESTDIR)$(DATADIR)/%)))
	install $(tools:%=$(B)/%) $(scripts:%=$(B)/%) $(DESTDIR)$(BINDIR)
	$(foreach m,$(man),install -m 644 $(m) $(call manual,$(m)) &&) :
	$(foreach p,$(commands),install $(p) $(DESTDIR)$(DATADIR)/$(p) &&) :
	$(foreach p,$(pipelines),install -m 644 $(p) $(DESTDIR)$(DATADIR)/$(p) &&) :

uninstall: ## remove what install put there
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(tools) $(scripts)) $(foreach m,$(man),$(call manual,$(m))) \
	    $(patsubst %,$(DESTDIR)$(DATADIR)/%,$(pipelines) $(commands))
	-test ! -d $(DESTDIR)$(DATADIR) || find $(DESTDIR)$(DATADIR) -depth -type d -exec rmdir {} +

deps: ## install what building and testing need, if it is missing
	@CC='$(CC)' tests/deps.sh build demo check

clean: ## remove all that was built, and the demo's databases
	rm -rf build demo tests/playground/playground

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

# A library that is missing is named before a compiler trips over its header.
$(B)/deps: tests/deps.sh
	@mkdir -p $(@D)
	@CC='$(CC)' tests/deps.sh -n build
	@touch $@

# Other flags, other objects.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(flags)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(flags)' >$@

-include $(wildcard $(dirs:%=$(B)/obj/%/*.d) $(B)/obj/tests/*/*.d build/fuzzing/obj/*/*.d build/fuzzing/obj/*/*/*.d)

.PHONY: all playground demo check e2e cluster-check bench fuzz torture lint fmt install uninstall deps clean help FORCE
FORCE:
.DELETE_ON_ERROR:
