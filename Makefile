# make                   build/ngx_directstream_module.so for Debian's nginx
# make NGX_SRC=DIR       the same for the nginx source tree DIR
# make install | package | demo | demo-cluster | test | test-debian13 | bench
# make unit | e2e | soak | sanitize | lint
# make fuzz
# make docs | docs-single
# make clean

BUILD      = build
NGX_SRC   ?= $(NGINX_SRC)
CC         = gcc
CC_OPT    ?= -g -O2
LD_OPT    ?=
DESTDIR    =
MODULES    = /usr/lib/nginx/modules
SBIN       = /usr/sbin
MAN        = /usr/share/man
JOBS      ?= $(shell nproc)

top       := $(CURDIR)
builddir  := $(abspath $(BUILD))
tree       = $(if $(NGX_SRC),$(abspath $(NGX_SRC)),/usr/share/nginx/src)
configure  = $(if $(wildcard $(tree)/configure),./configure,./auto/configure)

module     = $(builddir)/ngx_directstream_module.so
texts      = src/nginx/openapi.json $(wildcard src/dashboard/*)
sources    = $(wildcard ngx_directstream_module.c src/*.[ch] src/*/*.[ch]) \
             $(texts)

.PHONY: all module install package deps test check unit e2e tsan asan \
        sanitize lint demo bench clean

all: module schema check-tool

# make's own rules know what changed; -s: the objects' commands are long
module: $(builddir)/Makefile
	+$(MAKE) -s -j$(JOBS) -f $(builddir)/Makefile -C $(tree) modules

# configure runs where auto/ is, and writes to its build directory only
$(builddir)/Makefile: config $(texts) Makefile $(builddir)/files
	cd $(tree) && bash -c 'NGX_CONF_FLAGS=(--with-compat --with-threads); \
	    if [ -f ./conf_flags ]; then . ./conf_flags; fi; \
	    $(configure) "$${NGX_CONF_FLAGS[@]}" \
	        --with-cc-opt="$(CC_OPT) -fPIC" --with-ld-opt="$(LD_OPT) -fPIC" \
	        --add-dynamic-module=$(top) --builddir=$(builddir)' \
	    > $(builddir)/configure.log \
	    || { cat $(builddir)/configure.log; rm -f $@; exit 1; }

# a new file needs a new configure, a changed one does not
$(builddir)/files: FORCE
	@mkdir -p $(@D)
	@echo $(sources) | cmp -s - $@ || echo $(sources) > $@

FORCE:

install: all
	install -d $(DESTDIR)$(MODULES)
	install -m 644 $(module) $(DESTDIR)$(MODULES)
	install -d $(DESTDIR)$(SBIN)
	install -m 755 $(builddir)/directstream-schema \
	    $(builddir)/directstream-check \
	    tools/directstream-youtube-auth $(DESTDIR)$(SBIN)
	install -d $(DESTDIR)$(MAN)/man8
	install -m 644 tools/directstream-schema.8 tools/directstream-check.8 \
	    tools/directstream-youtube-auth.8 $(DESTDIR)$(MAN)/man8

# for Debian, as build/package/*.deb
package: deps-package
	tools/package $(builddir)/package


# the engine without nginx, and its tests

libs       = libavformat libavcodec libavfilter libavutil libcurl openssl \
             libcjson sqlite3 zlib
WARN       = -Wall -Wextra
ENG_OPT    = -g -O2
ENG_DIR    = $(builddir)/unit
ENG_CFLAGS = -std=gnu11 $(WARN) $(ENG_OPT) -pthread -Isrc -It/unit \
             $(shell pkg-config --cflags $(libs))
ENG_LIBS   = $(shell pkg-config --libs $(libs)) -pthread -lm
units      = $(patsubst t/unit/%.c,%,$(wildcard t/unit/test_*.c))
eng_c      = $(wildcard src/ds*.c src/*/ds_*.c)
eng_h      = $(wildcard src/ds*.h src/*/ds_*.h)
eng_objs   = $(patsubst src/%.c,$(ENG_DIR)/%.o,$(eng_c))

# migrates a state.db; needs the store's part of the engine alone
schema: $(builddir)/directstream-schema
.PHONY: schema

schema_objs = $(addprefix $(ENG_DIR)/,store/ds_store.o \
              store/ds_store_schema.o store/ds_share.o store/ds_etcd_call.o \
              store/ds_etcd_wire.o base/ds_core.o base/ds_crash.o \
              base/ds_url.o base/ds_utf.o)

$(builddir)/directstream-schema: tools/directstream-schema.c $(schema_objs)
	$(CC) $(ENG_CFLAGS) -o $@ $< $(schema_objs) \
	    $(shell pkg-config --libs sqlite3 libcurl libcjson openssl) -pthread

# checks what a stream would play; the whole engine is in it
check-tool: $(builddir)/directstream-check
.PHONY: check-tool

$(builddir)/directstream-check: tools/directstream-check.c $(ENG_DIR)/libds.a
	$(CC) $(ENG_CFLAGS) -o $@ $< $(ENG_DIR)/libds.a $(ENG_LIBS)

unit_progs = $(addprefix $(ENG_DIR)/,$(units))

$(ENG_DIR)/%.o: src/%.c $(eng_h)
	@mkdir -p $(@D)
	$(CC) $(ENG_CFLAGS) -c -o $@ $<

$(ENG_DIR)/libds.a: $(eng_objs)
	@rm -f $@
	ar rcs $@ $(eng_objs)

$(ENG_DIR)/test_%: t/unit/test_%.c $(wildcard t/unit/*.h) $(ENG_DIR)/libds.a
	$(CC) $(ENG_CFLAGS) -o $@ $< $(ENG_DIR)/libds.a $(ENG_LIBS)

unit-progs: $(unit_progs)
.PHONY: unit-progs

PROVE      = tools/prove $(JOBS)

# leaks are looked for here, where nothing but the engine runs
unit:
	+$(MAKE) -j$(JOBS) unit-progs
	$(PROVE) --exec=env $(unit_progs)

unit_asan  = ENG_DIR=$(builddir)/unit-asan \
             ENG_OPT='-g -O1 -fno-omit-frame-pointer \
                      -fsanitize=address,undefined'
unit_tsan  = ENG_DIR=$(builddir)/unit-tsan \
             ENG_OPT='-g -O1 -fno-omit-frame-pointer -fsanitize=thread'

asan:
	+$(MAKE) unit $(unit_asan)

tsan:
	+TSAN_OPTIONS="halt_on_error=1 suppressions=$(top)/t/tools/tsan.supp" \
	SOAK_FAULTS=10 $(MAKE) unit $(unit_tsan)


# with a real nginx

watch: $(builddir)/watch
.PHONY: watch

$(builddir)/watch: t/tools/watch.c
	@mkdir -p $(@D)
	$(CC) $(WARN) -g -O2 -o $@ $< \
	    $(shell pkg-config --cflags --libs libavformat libavcodec libavutil)

TESTS      = $(wildcard t/*.t)
e2e_env    = DS_BUILD=$(builddir) DS_MODULE=$(module)

e2e: module schema check-tool $(builddir)/watch
	$(e2e_env) $(PROVE) $(TESTS)

# kills at random, and item changes with faults, many more than the tests of
# the same names do
SOAK_KILLS   ?= 500
SOAK_CHANGES ?= 1000
SOAK_STEPS   ?= 1000
SOAK_STARTS  ?= 20
SOAK_ITEMS   ?= 1000
SOAK_YOUTUBE ?= 100
SOAK_EDITS   ?= 1000

soak: module schema check-tool $(builddir)/watch
	$(e2e_env) SOAK_KILLS=$(SOAK_KILLS) prove -v t/24_kills.t
	$(e2e_env) SOAK_KILLS=$(SOAK_KILLS) prove -v t/56_queue_kills.t
	$(e2e_env) HARD_STARTS=$(SOAK_STARTS) prove -v t/84_hard_starts.t
	$(e2e_env) SOAK_CHANGES=$(SOAK_CHANGES) prove -v t/29_endurance.t
	$(e2e_env) SOAK_STEPS=$(SOAK_STEPS) prove -v t/62_history.t
	$(e2e_env) DRAWN_ITEMS=$(SOAK_ITEMS) prove -v t/81_drawn.t
	$(e2e_env) SOAK_YOUTUBE=$(SOAK_YOUTUBE) prove -v t/68_youtube_faults.t
	$(e2e_env) SOAK_EDITS=$(SOAK_EDITS) prove -v t/85_edits.t
	for s in 5 60 600; do $(e2e_env) DS_MATRIX=$$s prove -v t/75_matrix.t \
	    || exit 1; done
	$(e2e_env) DOWNLOAD_STREAMS=300 prove -v t/93_download_many.t
.PHONY: soak

asan_dir   = $(builddir)/asan
asan_opt   = -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined

# nginx itself is not built with ASan: it is loaded before it, and what
# nginx never frees is not looked for
asan-module:
	+$(MAKE) module BUILD=$(asan_dir) CC_OPT='$(asan_opt)' \
	    LD_OPT='-fsanitize=address,undefined'
.PHONY: asan-module

asan_env   = DS_BUILD=$(builddir) \
             DS_MODULE=$(asan_dir)/ngx_directstream_module.so DS_SLOW=3 \
             DS_PRELOAD="$(shell $(CC) -print-file-name=libasan.so):$(shell \
                 $(CC) -print-file-name=libubsan.so)" \
             ASAN_OPTIONS=detect_leaks=0:abort_on_error=0 \
             UBSAN_OPTIONS=print_stacktrace=1

asan-e2e: asan-module schema check-tool $(builddir)/watch
	$(asan_env) $(PROVE) $(TESTS)
.PHONY: asan-e2e

sanitize: asan tsan asan-e2e

# what is missing of Debian's packages is installed first
deps:
	tools/deps

deps-%:
	tools/deps $*

test: deps-test
	+$(MAKE) check

PARTS      = module lint unit asan tsan e2e

# all parts run, and what has failed is listed at the end; LOAD=N keeps N
# processors busy beside them
check:
	+MAKE='$(MAKE)' LOAD='$(LOAD)' tools/check $(builddir) $(PARTS)

# the same in a Debian 13, made once and kept below $(DEBIAN13)
export DEBIAN13 ?= /var/cache/directstream-debian13

test-debian13: deps-debian13
	tools/debian13 make test PARTS='module unit e2e'
.PHONY: test-debian13

lint:
	tools/lint

# three nodes on an etcd of three; needs etcd-server
demo-cluster: module
	DS_MODULE=$(module) conf/demo/cluster
.PHONY: demo-cluster

# the reference of the API, and all of the book in one file
docs:
	tools/docs api > docs/api-reference.md

docs-single: | $(builddir)
	tools/docs single > $(builddir)/directstream-book.md
.PHONY: docs docs-single

$(builddir):
	mkdir -p $@

demo: deps-demo
	+$(MAKE) module $(builddir)/watch
	conf/demo/demo

bench: deps-bench
	+$(MAKE) module $(builddir)/watch
	$(e2e_env) perl t/bench/startup
	$(e2e_env) perl t/bench/streams
	$(e2e_env) perl t/bench/outputs
	$(e2e_env) perl t/bench/scale
	$(e2e_env) perl t/bench/api
	$(e2e_env) perl t/bench/events
	$(e2e_env) perl t/bench/encode


# libFuzzer, with clang: FUZZ_TIME seconds each; what is found stays in
# build/fuzz/TARGET-*, and the corpora in t/fuzz/corpus are only read

FUZZ_TIME ?= 300
fuzz_dir   = $(builddir)/fuzz
fuzz_san   = address,undefined
fuzz_names = $(patsubst t/fuzz/%.c,%,$(wildcard t/fuzz/fuzz_*.c))
fuzz_cflags = -std=gnu11 $(WARN) -g -O1 -fno-omit-frame-pointer -pthread \
             -Isrc -Isrc/nginx -It/fuzz $(shell pkg-config --cflags $(libs))
fuzz_nginx = $(addprefix -I$(tree)/src/,core event event/modules os/unix \
             http http/v2 http/modules) -I$(builddir)

fuzz_objs  = $(patsubst src/%.c,$(fuzz_dir)/%.o,$(eng_c)) \
             $(fuzz_dir)/nginx/ngx_directstream_def.o \
             $(fuzz_dir)/nginx/ngx_directstream_field.o \
             $(fuzz_dir)/nginx/ngx_directstream_outputs.o

fuzz: deps-fuzz
	+$(MAKE) fuzz-run
.PHONY: fuzz fuzz-run

fuzz-run: module $(addprefix $(fuzz_dir)/,$(fuzz_names))
	FUZZ_TIME=$(FUZZ_TIME) t/fuzz/run $(fuzz_dir) $(fuzz_names)

$(fuzz_dir)/%.o: src/%.c $(eng_h)
	@mkdir -p $(@D)
	clang $(fuzz_cflags) -fsanitize=fuzzer-no-link,$(fuzz_san) -c -o $@ $<

# what of nginx's side reads bodies
$(fuzz_dir)/nginx/%.o: src/nginx/%.c \
                       $(wildcard src/*.h src/nginx/*.h) | $(builddir)/Makefile
	@mkdir -p $(@D)
	clang $(fuzz_cflags) $(fuzz_nginx) \
	    -fsanitize=fuzzer-no-link,$(fuzz_san) -c -o $@ $<

$(fuzz_dir)/libds.a: $(fuzz_objs)
	@rm -f $@
	ar rcs $@ $^

$(fuzz_dir)/fuzz_%: t/fuzz/fuzz_%.c t/fuzz/fuzz.h $(fuzz_dir)/libds.a
	clang $(fuzz_cflags) $(if $(filter %_body,$@),$(fuzz_nginx)) \
	    -fsanitize=fuzzer,$(fuzz_san) -o $@ $< $(fuzz_dir)/libds.a $(ENG_LIBS)

clean:
	rm -rf $(builddir)
