# assay: build, test, run. Everything generated goes to build/, everything a stack writes to var/.
#
#   make demo    set up, build, start a stack, run the sample suite on a real browser
#   make test    set up, build, run all tests
#   make up | down | status    the stack alone        make bench    the table of figures
#   make test-asan | test-tsan    unit and integration tests under sanitizers       make fuzz    libFuzzer
#   make VARIANT=release|debug|asan|ubsan|sanitize|tsan TARGET   asan and ubsan together are sanitize
#   make lint    make format    make docs    make clean

VARIANT ?= release
# V=1 shows the commands.
Q := $(if $(V),,@)
CC = gcc
B := build$(if $(filter-out release,$(VARIANT)),/$(VARIANT))
GEN := build/gen
O := $(B)/obj

SERVICES := gateway auth sessions tests billing webhooks worker

WARN := -Wall -Wextra -Werror -Wshadow -Wcast-qual -Wmissing-prototypes -Wstrict-prototypes \
        -Wwrite-strings -Wformat=2 -Wvla -Wpointer-arith -Wundef
HARDEN := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
OPT_release := -O2 -g $(HARDEN)
OPT_debug := -O0 -g3
OPT_asan := -O1 -g -fsanitize=address -fno-omit-frame-pointer
OPT_ubsan := -O1 -g -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
OPT_tsan := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
OPT_sanitize := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer
CFLAGS = -std=c17 -D_GNU_SOURCE $(OPT_$(VARIANT)) $(WARN) $(EXTRA_CFLAGS)
CPPFLAGS = -Ilib -Iservices -I. -I$(GEN) -I/usr/include/postgresql
LDFLAGS = $(filter -fsanitize=%,$(OPT_$(VARIANT))) -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed \
          -Wl,--export-dynamic-symbol=_gnutls_global_init_skip # see lib/svc/svc_main.c
LDLIBS = -lnng -lprotobuf-c -lcivetweb -lpq -lcurl -ljwt -largon2 -lssl -lcrypto -lyaml -lturbojpeg \
         -ldeflate -lz -lm -lpthread -ldl
# Generated C is not held to our warnings.
GEN_CFLAGS = -std=c17 -D_GNU_SOURCE $(OPT_$(VARIANT)) -w

# GCC's two shared runtimes know nothing of each other: UBSan's would not write its reports where ASan's are
# told to go, and tests/run_all.sh would miss them. The static ones are one.
ifeq ($(VARIANT) $(CC),sanitize gcc)
LDFLAGS += -static-libasan -static-libubsan
endif

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all gen setup setup-test test test-unit test-programs test-asan test-tsan lint demo up down status bench bench-programs clean docs fuzz format

all:

# --- what the machine needs (idempotent; apt-get only when something is missing)
SETUP := build/.setup
setup: $(SETUP)
$(SETUP): tools/setup.sh
	@mkdir -p build
	sh tools/setup.sh build
	@touch $@
SETUP_TEST := build/.setup-test
setup-test: $(SETUP_TEST)
$(SETUP_TEST): tools/setup.sh
	@mkdir -p build
	sh tools/setup.sh test
	@touch $@

# --- generated: protobuf-c code, our tables and stubs, OpenAPI, SQL tables
# tools/gen.mk names the generators' rules and sets GEN_STAMP, GEN_SRCS, gen_svc_srcs.
include tools/gen.mk
# tools/web.mk makes build/web, what the gateway serves besides the API; sets WEB_STAMP.
include tools/web.mk
include tools/test_npm.mk

# --- sources: a file is built because of where it stands
not_test = $(filter-out %_test.c,$(1))
LIB_SRCS := $(call not_test,$(wildcard lib/*/*.c))
LIB_OBJS = $(LIB_SRCS:%.c=$(O)/%.o) $(GEN_SRCS:$(GEN)/%.c=$(O)/gen/%.o)
LIB_A := $(B)/lib/libassay.a

svc_srcs = $(filter-out services/$(1)/main.c,$(call not_test,$(wildcard services/$(1)/*.c services/$(1)/*/*.c)))
svc_objs = $(patsubst %.c,$(O)/%.o,$(call svc_srcs,$(1))) \
           $(patsubst $(GEN)/%.c,$(O)/gen/%.o,$(call gen_svc_srcs,$(1)))
BINS := $(SERVICES:%=$(B)/bin/assay-%) $(B)/bin/assay $(B)/bin/assay-shop $(B)/bin/assay-diff

all: $(BINS) $(WEB_STAMP)

$(LIB_A): $(LIB_OBJS)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

define service_rules
$(B)/lib/libsvc_$(1).a: $(call svc_objs,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^
$(B)/bin/assay-$(1): $(O)/services/$(1)/main.o $(B)/lib/libsvc_$(1).a $(LIB_A)
	@mkdir -p $$(@D)
	@echo "  LD   $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach s,$(SERVICES),$(eval $(call service_rules,$(s))))

# The command line understands sentences with the worker's own grammar.
CLI_SRCS := $(call not_test,$(wildcard cli/*.c))
$(B)/bin/assay: $(CLI_SRCS:%.c=$(O)/%.o) $(B)/lib/libsvc_worker.a $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The sample application to test against; it needs nothing of ours.
SHOP_SRCS := $(call not_test,$(wildcard examples/shop/*.c))
$(B)/bin/assay-shop: $(SHOP_SRCS:%.c=$(O)/%.o)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcivetweb -lpthread

# The comparison alone, for a shell. Static, as it would else spend its time on loading libraries; not with
# sanitizers, which cannot be, and ask for what all of the library stands in for.
DIFF_SRCS := $(wildcard services/tests/visual/cmd/*.c)
$(B)/bin/assay-diff: $(DIFF_SRCS:%.c=$(O)/%.o) $(B)/lib/libsvc_tests.a $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(if $(filter release,$(VARIANT)),$(LDFLAGS:-pie=-static-pie),$(LDFLAGS)) -o $@ $^ \
	    $(if $(filter release,$(VARIANT)),-lturbojpeg -ldeflate -lm -lpthread,$(LDLIBS))

# The rows of pictures are worth the last tenth; distances of colours are rounded alike everywhere.
$(O)/services/tests/visual/%.o: EXTRA_CFLAGS += -O3 -ffp-contract=off

$(O)/gen/%.o: $(GEN)/%.c | $(GEN_STAMP) $(SETUP)
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(GEN_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<
$(O)/%.o: %.c | $(GEN_STAMP) $(SETUP)
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# Embedded by the assembler, which writes no dependency file.
$(O)/services/worker/devices/cdp_script.o: $(wildcard services/worker/devices/page/*.js)

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# --- tests: x_test.c beside x.c is one program; tests/<kind>/*_test.c likewise
UNIT_SRCS := $(wildcard lib/*/*_test.c services/*/*_test.c services/*/*/*_test.c cli/*_test.c tools/*/*_test.c)
INTEG_SRCS := $(wildcard tests/integration/*_test.c)
FAULT_SRCS := $(wildcard tests/faults/*_test.c)
SUPPORT_SRCS := $(wildcard tests/support/*.c)
unit_bin = $(patsubst %_test.c,$(B)/test/%,$(1))
UNIT_BINS := $(call unit_bin,$(UNIT_SRCS))
INTEG_BINS := $(call unit_bin,$(INTEG_SRCS))
FAULT_BINS := $(call unit_bin,$(FAULT_SRCS))
SUPPORT_OBJS := $(SUPPORT_SRCS:%.c=$(O)/%.o)

$(O)/%_test.o: | $(SETUP_TEST)

define unit_rules
$(B)/test/services/$(1)/%: $(O)/services/$(1)/%_test.o $(SUPPORT_OBJS) $(B)/lib/libsvc_$(1).a $(LIB_A)
	@mkdir -p $$(@D)
	@echo "  LD   $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ -lcmocka $$(LDLIBS)
endef
$(foreach s,$(SERVICES),$(eval $(call unit_rules,$(s))))
# Its pictures are written, and its decoding is checked, by libpng.
$(B)/test/services/tests/visual/visual: LDLIBS += -lpng16
# Their arenas find no memory when the test says so.
$(B)/test/lib/base/ctx $(B)/test/services/gateway/gw_memory: LDFLAGS += -Wl,--wrap=malloc
CLI_LIB_OBJS := $(patsubst %.c,$(O)/%.o,$(filter-out cli/main.c,$(CLI_SRCS)))
$(B)/test/cli/%: $(O)/cli/%_test.o $(CLI_LIB_OBJS) $(SUPPORT_OBJS) $(B)/lib/libsvc_worker.a $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)
$(B)/test/%: $(O)/%_test.o $(SUPPORT_OBJS) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

# --- fuzz targets: tests/fuzz/fuzz_x.c; replayed over tests/fuzz/corpus/x in every make test
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
REPLAY_BINS := $(FUZZ_SRCS:tests/fuzz/fuzz_%.c=$(B)/test/fuzz/replay_%)
CLI_A := $(B)/lib/libcli.a
$(CLI_A): $(CLI_LIB_OBJS)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^
FUZZ_LIBS := $(CLI_A) $(SERVICES:%=$(B)/lib/libsvc_%.a)
$(B)/test/fuzz/replay_%: $(O)/tests/fuzz/fuzz_%.o $(O)/tests/fuzz/replay.o $(FUZZ_LIBS) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/fuzz/%: $(O)/tests/fuzz/fuzz_%.o $(FUZZ_LIBS) $(LIB_A)
	@mkdir -p $(@D)
	clang -fsanitize=fuzzer,address,undefined -o $@ $^ $(LDLIBS)
fuzz:
	$(MAKE) VARIANT=fuzz CC=clang $(FUZZ_SRCS:tests/fuzz/fuzz_%.c=build/fuzz/fuzz/%)

test-unit: $(UNIT_BINS) $(REPLAY_BINS) | $(SETUP_TEST)
	sh tools/run_tests.sh $(UNIT_BINS) $(REPLAY_BINS)

test: all $(UNIT_BINS) $(REPLAY_BINS) $(INTEG_BINS) $(FAULT_BINS) | $(SETUP_TEST)
	bash tests/run_all.sh

# All tests of C programs under sanitizers: ASan with UBSan, and TSan. A report of any process that a test
# starts fails it, see tests/run_all.sh.
TEST_PROGRAMS := $(UNIT_BINS) $(REPLAY_BINS) $(INTEG_BINS) $(FAULT_BINS)
test-programs: all $(TEST_PROGRAMS)
test-asan:
	$(MAKE) VARIANT=sanitize test-programs
	VARIANT=sanitize bash tests/run_all.sh unit fuzz integration
test-tsan:
	$(MAKE) VARIANT=tsan test-programs
	VARIANT=tsan bash tests/run_all.sh unit fuzz integration

lint:
	bash tools/lint.sh
format:
	git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

# --- the stack
demo: all
	bash tools/demo.sh
up: all
	@$(B)/bin/assay stack up
down:
	@if [ -x $(B)/bin/assay ]; then $(B)/bin/assay stack down; fi
status:
	@if [ -x $(B)/bin/assay ]; then $(B)/bin/assay stack status; else echo "not built: make up"; exit 1; fi
# bench/x_bench.c is one program that prints lines `BENCH name value unit`; cputime measures commands.
BENCH_BINS := $(patsubst bench/%.c,$(B)/bench/%,$(wildcard bench/*.c))
$(B)/bench/cputime: $(O)/bench/cputime.o
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
$(B)/bench/cdp_bench: $(O)/tests/support/site.o
$(B)/bench/webhooks_bench: $(O)/tests/support/sink.o
$(B)/bench/%: $(O)/bench/%.o $(FUZZ_LIBS) $(LIB_A)
	@mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)
bench-programs: $(BENCH_BINS)
bench: all $(BENCH_BINS) | $(SETUP_TEST)
	bash bench/run.sh

clean:
	@if [ -x $(B)/bin/assay ]; then $(B)/bin/assay stack clean; fi
	rm -rf build var

# The page of settings, from the tables the programs read them with.
docs: all
	sh tools/settings.sh >docs/settings.md
