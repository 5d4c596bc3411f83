# Everything that is made from proto/ and sql/. One recipe (tools/gen.sh) makes all of it in a fresh
# folder and copies what differs into build/gen: objects whose headers did not change are not rebuilt.
# What will be made is known here from the names of the sources alone, so that a machine without
# protoc can read this file.
#
# GEN_STAMP        every object waits for it (order only; dependency files name the headers)
# GEN_SRCS         generated .c files of libassay.a
# gen_svc_srcs     $(call gen_svc_srcs,tests): those of one service, which refer to its handlers

# Who may implement a proto service. svc: lib/svc, for what every process answers.
GEN_PROCESSES := $(SERVICES) svc
# Who has sql/queries*.sql and migrations. The common tables are lib/svc's.
GEN_SQL := $(patsubst services/%/sql,%,$(wildcard services/*/sql)) $(if $(wildcard lib/svc/sql),common)

PROTOS := $(wildcard proto/*.proto proto/*/*.proto)
SQLS := $(wildcard services/*/sql/*.sql lib/svc/sql/*.sql)

gen_svc_srcs = $(GEN)/$(1)_dispatch.c $(if $(filter gateway,$(1)),$(GEN)/routes.c $(GEN)/openapi_json.c)
GEN_SRCS := $(PROTOS:proto/%.proto=$(GEN)/%.pb-c.c) $(GEN)/google/protobuf/descriptor.pb-c.c \
            $(GEN)/pb_tables.c $(GEN)/pb_tables_all.c $(GEN_PROCESSES:%=$(GEN)/%_client.c) $(GEN)/svc_dispatch.c \
            $(GEN_SQL:%=$(GEN)/%_sql.c)
GEN_ALL_SRCS := $(GEN_SRCS) $(foreach s,$(SERVICES),$(call gen_svc_srcs,$(s)))
GEN_STAMP := build/.gen

# --- the generators run here and now: plain gcc, whatever the variant
TB := build/tools
HOST_CFLAGS := -std=c17 -D_GNU_SOURCE -O1 -g $(WARN) -Ilib -Itools -I$(TB)/gen
HOST_BASE := $(TB)/obj/lib/base/str.o $(TB)/obj/lib/base/buf.o $(TB)/obj/lib/base/arena.o \
             $(TB)/obj/lib/base/rc.o $(TB)/obj/tools/common/ctext.o
PLUGIN_OBJS := $(patsubst %.c,$(TB)/obj/%.o,$(filter-out %_test.c,$(wildcard tools/protoc-gen-assay/*.c))) \
               $(TB)/obj/lib/pb/route.o $(patsubst %.c,$(TB)/obj/%.o,$(filter-out %_test.c,$(wildcard lib/json/*.c)))
SQLGEN_OBJS := $(patsubst %.c,$(TB)/obj/%.o,$(filter-out %_test.c,$(wildcard tools/sqlgen/*.c)))
PLUGIN_PB := google/protobuf/descriptor google/protobuf/compiler/plugin assay/options
PLUGIN_PB_OBJS := $(PLUGIN_PB:%=$(TB)/gen/%.pb-c.o)
PLUGIN := $(TB)/protoc-gen-assay
SQLGEN := $(TB)/sqlgen

$(TB)/gen/.stamp: proto/assay/options.proto tools/gen.mk | $(SETUP)
	@mkdir -p $(@D)
	protoc -Iproto -I/usr/include --c_out=$(TB)/gen $(PLUGIN_PB:%=%.proto)
	@touch $@
$(TB)/gen/%.o: $(TB)/gen/.stamp
	gcc -std=c17 -O1 -g -w -I$(TB)/gen -c -o $@ $(TB)/gen/$*.c
$(TB)/obj/%.o: %.c $(TB)/gen/.stamp
	@mkdir -p $(@D)
	gcc $(HOST_CFLAGS) -MMD -MP -c -o $@ $<
$(PLUGIN): $(PLUGIN_OBJS) $(PLUGIN_PB_OBJS) $(HOST_BASE)
	gcc -o $@ $^ -lprotobuf-c -lm
$(SQLGEN): $(SQLGEN_OBJS) $(HOST_BASE)
	gcc -o $@ $^
-include $(PLUGIN_OBJS:.o=.d) $(SQLGEN_OBJS:.o=.d) $(HOST_BASE:.o=.d)

# --- one run for all
null :=
space := $(null) $(null)
$(GEN_STAMP): $(PROTOS) $(SQLS) $(PLUGIN) $(SQLGEN) tools/gen.sh tools/protoc-gen-messages.sh tools/gen.mk | $(SETUP)
	@mkdir -p $(GEN)
	flock build/.gen.lock sh tools/gen.sh $(GEN) $(subst $(space),:,$(GEN_PROCESSES)) $(PROTOS)
	@touch $@

# Written by the stamp's recipe; the empty command makes make look at their times again.
$(GEN_ALL_SRCS) $(GEN_ALL_SRCS:.c=.h): $(GEN_STAMP)
	@:

gen: $(GEN_STAMP)
