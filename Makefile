# The cs tools. GNU make, a C11 compiler, no configure step. `make help` lists the targets.

PREFIX  ?= /usr/local
DESTDIR ?=
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/cs
CFLAGS  ?= -O2 -g

tools := cs-fetch cs-map cs-load cs-state
dirs  := lib fetch map load state

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

# libjq 1.6 has no .pc file; the others have one wherever they are packaged.
pc        = $(shell pkg-config $(1) $(2) 2>/dev/null)
pc-cflags := $(call pc,--cflags,libcurl sqlite3 libcjson)
curl      := $(or $(call pc,--libs,libcurl),-lcurl)
sqlite    := $(or $(call pc,--libs,sqlite3),-lsqlite3)
cjson     := $(or $(call pc,--libs,libcjson),-lcjson)
jq        := $(or $(call pc,--libs,libjq),-ljq -lonig)
z         := $(or $(call pc,--libs,zlib),-lz)
mhd       := $(or $(call pc,--libs,libmicrohttpd),-lmicrohttpd)

libs-cs-fetch = $(curl) $(jq) $(cjson) $(z)
libs-cs-map   = $(jq) $(cjson)
libs-cs-load  = $(sqlite) $(cjson)
libs-cs-state = $(sqlite) $(cjson)

objs        = $(patsubst %.c,$(B)/obj/%.o,$(wildcard $(1)/*.c))

all: $(tools:%=$(B)/%) ## build the four tools into build/

define tool
$(B)/cs-$(1): $(call objs,$(1)) $(B)/libcs.a
	$$(CC) $$(CFLAGS) $$(flags) $$(LDFLAGS) -o $$@ $$^ $$(libs-cs-$(1)) -lm
endef
$(foreach t,fetch map load state,$(eval $(call tool,$(t))))

$(B)/libcs.a: $(call objs,lib)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(flags) -MMD -MP -c -o $@ $<

# The API that demo and tests sync from, and the programs that test lib/ alone.
$(B)/playground: $(call objs,tests/playground)
	$(CC) $(CFLAGS) $(flags) $(LDFLAGS) -o $@ $^ $(mhd) $(cjson) $(z) -lm -lpthread

$(B)/unit/%: $(B)/obj/tests/unit/%.o $(B)/libcs.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(flags) $(LDFLAGS) -o $@ $^ $(jq) $(cjson) $(sqlite) -lm
units := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*.c))

playground: $(B)/playground ## the mock API: tests/playground/playground --port 5001
	@ln -sf ../../$< tests/playground/playground

check: ## build with warnings as errors, run all tests, or those of T='tests/load-*.bats'
	@$(MAKE) --no-print-directory WERROR=-Werror all playground $(units)
	@BUILD=$(B) tests/run $(T)

# Other flags, other objects.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(flags)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(flags)' >$@

-include $(wildcard $(dirs:%=$(B)/obj/%/*.d) $(B)/obj/tests/*/*.d)

.PHONY: all playground check FORCE
FORCE:
.DELETE_ON_ERROR:
