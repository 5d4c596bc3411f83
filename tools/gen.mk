# Everything that is made from proto/ and services/*/sql. One recipe (tools/gen.sh) makes all of it,
# in a fresh directory, and copies what differs into build/gen: objects whose headers did not change
# are not rebuilt. Outputs are known here from the names of the sources alone, so that a fresh
# machine without protoc can read this file.
#
# GEN_STAMP: every object waits for it (order only; dependency files name the headers).
# GEN_SRCS:  the generated .c files.

PROTOS := $(wildcard proto/*.proto proto/*/*.proto)
PROTO_NAMES := $(PROTOS:proto/%.proto=%) google/protobuf/descriptor

GEN_SRCS := $(PROTO_NAMES:%=$(GEN)/%.pb-c.c)
GEN_HDRS := $(GEN_SRCS:.c=.h)
GEN_STAMP := build/.gen

$(GEN_STAMP): $(PROTOS) tools/gen.sh tools/gen.mk | $(SETUP)
	@mkdir -p $(GEN)
	flock build/.gen.lock sh tools/gen.sh $(GEN) $(PROTOS)
	@touch $@

# The stamp's recipe wrote them; `:` makes make look at their times again.
$(GEN_SRCS) $(GEN_HDRS): $(GEN_STAMP)
	@:

gen: $(GEN_STAMP)
