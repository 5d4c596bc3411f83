/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of C things that protoc-gen-c makes of proto names. All results live in the arena.
 *
 * Source: protobuf-c 1.4.1, protoc-c/c_helpers.cc */
#ifndef ASSAY_TOOLS_NAMES_H
#define ASSAY_TOOLS_NAMES_H

#include "base/arena.h"

/* "assay.StatusText" -> "Assay__StatusText" */
const char *name_c_type(struct arena *arena, const char *full);
/* "assay.StatusText" -> "assay__status_text" */
const char *name_c_lower(struct arena *arena, const char *full);
/* "ListSuites" -> "list_suites" */
const char *name_snake(struct arena *arena, const char *camel);
/* "Mode" -> "mode"; keywords of C get a final '_'. */
const char *name_c_field(struct arena *arena, const char *field);
/* "api/x.proto" -> "api/x.pb-c.h" */
const char *name_c_header(struct arena *arena, const char *proto_file);
const char *name_upper(struct arena *arena, const char *text);

#endif
