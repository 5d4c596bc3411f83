#!/bin/sh
# The protoc plugin behind --c_out: protoc-gen-c on the messages alone.
build/tools/protoc-gen-assay --messages-only | protoc-gen-c
