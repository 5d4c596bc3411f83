/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the OpenAPI document. Source: OpenAPI 3.1.0; JSON Schema 2020-12 */
#ifndef ASSAY_TOOLS_OPENAPI_H
#define ASSAY_TOOLS_OPENAPI_H

#include "json/json.h"
#include "model.h"

/* Starts an array item: a comma unless it is the first. */
void put_item(struct buf *b);
void put_member_z(struct buf *b, const char *key, const char *value);
/* {"$ref": "#/components/schemas/NAME"} of a message. */
void put_message_ref(struct buf *b, const struct message *msg, bool input);
/* Schema of one field. */
void put_field_schema(struct buf *b, const struct field *f, bool input);
/* An object schema of the members for which sources[i] == source (all when sources is NULL). */
void put_object_schema(struct buf *b, const struct message *msg, bool input, const uint8_t *sources,
                       enum pb_source source);
/* "allOf" for exactly_one and its kin, of groups whose members all come from `source`. */
void put_group_schemas(struct buf *b, const struct message *msg, const uint8_t *sources,
                       enum pb_source source);
/* The "schemas" of every message that a $ref may name. */
void put_message_schemas(struct buf *b, const struct model *m);

/* The "responses" of an operation. */
void put_responses(struct buf *b, struct model *m, const struct route *r);
/* The schemas of error bodies. */
void put_error_schemas(struct buf *b);
const char *surface_tag(int surface);

#endif
