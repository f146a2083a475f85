# What the pipelines share: a stream is cs-fetch | cs-map | cs-load inside cs-state run.
#
# A pipeline is a folder with connector.json, STREAM.map.json for each stream, and a Makefile of two lines:
#
#	STREAMS := users orders
#	include ../cs.mk
#
# make           sync all streams, one after the other; make -j3: three at once, into one database
# make STREAM    sync one
# make check     ask the API for one page of each stream, write nothing
# make status    when each stream was synced, and how that ended
#
# Streams restart where they were stopped: rows and the place they were read from are committed together.
# Variables, given as make VARIABLE=VALUE (or in the Makefile, before the include):
#
# DB       the SQLite database: the tables, and the checkpoints beside them
# CONFIG   values for the connector's parameters, credentials among them
# EVERY    do nothing for a stream that was synced less than this ago, such as 4h
# FORCE    1: sync it nevertheless
# LATER    1: that a stream is for later (75: the API is out of order, another run is going on) is no failure; make itself
#          ends with 2 whatever a stream has ended with, so whoever starts it cannot tell
# FULL     1: ask for everything again, not only for what changed
# CS_BIN   the folder of the cs tools, when they are not on PATH
# SYNCED_AT a column that says when its row was last written; a row that did not change is not written
# FETCH, MAP, LOAD      more options for a stage, such as LOAD=-v
# KEY.STREAM, TABLE.STREAM   primary key (id) and table (the stream, with _ for -)

NAME   ?= $(lastword $(subst /, ,$(CURDIR)))
DB     ?= $(NAME).db
CONFIG ?= configuration.json

export DB CONFIG
ifdef CS_BIN
export PATH := $(abspath $(CS_BIN)):$(PATH)
endif

fetch = cs-fetch --connector connector.json --config "$$CONFIG" $(if $(FULL),--full) $(FETCH)
table = $(or $(TABLE.$@),$(subst -,_,$@))
# $(call get,PARAMETER) in a recipe is the parameter's value.
get   = `cs-fetch --connector connector.json --config "$$CONFIG" --get $(1)`

sync: $(STREAMS)

$(STREAMS): | $(CONFIG)
	@every=$(if $(FORCE),,$(EVERY)) && \
	cs-state --store "sqlite:$$DB" run $${every:+--every} $$every $(NAME)/$@ -- sh -c '\
		$(fetch) $@ | \
		cs-map --rules $@.map.json $(MAP) | \
		cs-load --to "sqlite:$$DB" --table $(table) --key $(or $(KEY.$@),id) --missing null --strict \
			$(if $(wildcard $@.schema.json),--schema $@.schema.json) \
			$(if $(SYNCED_AT),--synced-at $(SYNCED_AT)) $(LOAD)' \
		$(if $(LATER),|| { status=$$?; [ $$status -eq 75 ] || exit $$status; })

check: | $(CONFIG)
	@$(fetch) --check

status:
	@cs-state --store "sqlite:$$DB" status

$(CONFIG):
	@echo '$@ is missing: copy configuration.json.template to it, chmod 600 it, fill it in' >&2
	@exit 64

.PHONY: sync check status $(STREAMS)
