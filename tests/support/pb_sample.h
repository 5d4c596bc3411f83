/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of proto/test/sample.proto with every option there is, written by hand. One program
 * includes it at a time. */
#ifndef ASSAY_TESTS_PB_SAMPLE_H
#define ASSAY_TESTS_PB_SAMPLE_H

#include <stddef.h>

#include "pb/pb.h"
#include "test/sample.pb-c.h"

/* One field with bounds of length, of itself and of its items; further members of pb_field follow.
 */
#define FB(type, member, num, knd, max, item_max, ...)                                             \
    {                                                                                              \
        .json = #member, .key = STR_INIT(#member), .number = (num), .kind = (knd),                 \
        .offset = offsetof(type, member), .max_len = (max), .item_max_len = (item_max),            \
        __VA_ARGS__                                                                                \
    }
#define F(type, member, num, knd, ...) FB(type, member, num, knd, -1, -1, __VA_ARGS__)
#define REQ .flags = PB_REQUIRED
#define HAS(type, member) .quantifier = offsetof(type, has_##member)
#define LIST(type, member) .flags = PB_REPEATED, .quantifier = offsetof(type, n_##member)

static const struct pb_table sample_case_table;

static const struct pb_field sample_case_fields[] = {
    F(Sample__Case, name, 1, PB_STRING, REQ, .min_len = 1),
    F(Sample__Case, step_limit, 2, PB_INT32, .flags = PB_HAS_MIN | PB_HAS_MAX, .min = 1, .max = 200,
      HAS(Sample__Case, step_limit)),
    F(Sample__Case, title, 3, PB_STRING),
    F(Sample__Case, enabled, 4, PB_BOOL, REQ),
    F(Sample__Case, tags, 5, PB_STRING, LIST(Sample__Case, tags)),
    F(Sample__Case, child, 6, PB_MESSAGE, .sub = &sample_case_table),
};
static const uint16_t sample_case_by_key[] = {5, 3, 0, 1, 4, 2};
static const uint32_t sample_case_group_0[] = {1, 2};
static const struct pb_group sample_case_groups[] = {
    {PB_AT_MOST_ONE, sample_case_group_0, 2, "step_limit, title"},
};
static const struct pb_table sample_case_table = {
    .name = "sample.Case",
    .desc = &sample__case__descriptor,
    .fields = sample_case_fields,
    .count = ARRAY_LEN(sample_case_fields),
    .by_key = sample_case_by_key,
    .groups = sample_case_groups,
    .group_count = 1,
    .nulls = -1,
};

#define ENTRY_TABLE(prefix, Type, valkind, ...)                                                    \
    static const struct pb_field sample_##prefix##_fields[] = {                                    \
        F(Type, key, 1, PB_STRING), F(Type, value, 2, valkind, __VA_ARGS__)};                      \
    static const uint16_t sample_##prefix##_by_key[] = {0, 1};                                     \
    static const struct pb_table sample_##prefix##_table = {                                       \
        .name = "sample.All." #prefix,                                                             \
        .desc = &sample__all__##prefix##_entry__descriptor,                                        \
        .fields = sample_##prefix##_fields,                                                        \
        .count = 2,                                                                                \
        .by_key = sample_##prefix##_by_key,                                                        \
        .nulls = -1}

ENTRY_TABLE(labels, Sample__All__LabelsEntry, PB_STRING, .min_len = 0);
ENTRY_TABLE(counts, Sample__All__CountsEntry, PB_INT32, HAS(Sample__All__CountsEntry, value));
ENTRY_TABLE(by_name, Sample__All__ByNameEntry, PB_MESSAGE, .sub = &sample_case_table);

static const char *const sample_platforms[] = {"ios", "android", "web", NULL};

#define A Sample__All
static const struct pb_field sample_all_fields[] = {
    F(A, id, 1, PB_INT64, REQ),
    FB(A, name, 2, PB_STRING, 20, -1, REQ, .min_len = 1),
    F(A, active, 3, PB_BOOL, REQ),
    F(A, ratio, 4, PB_DOUBLE, REQ),
    F(A, flag, 5, PB_BOOL, HAS(A, flag)),
    F(A, small, 6, PB_INT32, HAS(A, small)),
    F(A, big, 7, PB_INT64, HAS(A, big)),
    F(A, natural, 8, PB_UINT32, HAS(A, natural)),
    F(A, score, 9, PB_DOUBLE, .flags = PB_HAS_MIN | PB_HAS_MAX, .min = 0, .max = 0.5,
      HAS(A, score)),
    F(A, note, 10, PB_STRING),
    F(A, platform, 11, PB_STRING, .in = sample_platforms),
    F(A, code, 12, PB_STRING, .pattern = "^app_[a-z0-9]{6,}$"),
    F(A, email, 13, PB_STRING, .flags = PB_LOWER, .format = 1),
    F(A, url, 14, PB_STRING, .format = 2),
    F(A, uuid, 15, PB_STRING, .format = 3),
    F(A, sha, 16, PB_STRING, .format = 4),
    F(A, at_naive, 17, PB_TIME, .time = CLK_NAIVE, HAS(A, at_naive)),
    F(A, at_z, 18, PB_TIME, .time = CLK_Z, HAS(A, at_z)),
    F(A, at_ms, 19, PB_TIME, .time = CLK_MS_Z, HAS(A, at_ms)),
    F(A, at_us, 20, PB_TIME, .time = CLK_US_OFFSET, HAS(A, at_us)),
    F(A, at_s, 21, PB_TIME, .time = CLK_S_OFFSET, HAS(A, at_s)),
    F(A, any, 22, PB_RAW_JSON, .raw = 1, HAS(A, any)),
    F(A, object, 23, PB_RAW_JSON, .raw = 2, HAS(A, object)),
    FB(A, array, 24, PB_RAW_JSON, 3, -1, .raw = 3, HAS(A, array)),
    F(A, picture, 25, PB_BASE64, HAS(A, picture)),
    F(A, main_case, 26, PB_MESSAGE, .sub = &sample_case_table),
    F(A, cases, 27, PB_MESSAGE, .sub = &sample_case_table, LIST(A, cases)),
    FB(A, words, 28, PB_STRING, 3, 4, .min_len = 1, LIST(A, words)),
    F(A, numbers, 29, PB_INT64, LIST(A, numbers)),
    F(A, flags, 30, PB_BOOL, LIST(A, flags)),
    F(A, doubles, 31, PB_DOUBLE, LIST(A, doubles)),
    F(A, raws, 32, PB_RAW_JSON, .raw = 1, LIST(A, raws)),
    FB(A, labels, 33, PB_MAP, 3, -1, .sub = &sample_labels_table, LIST(A, labels)),
    F(A, counts, 34, PB_MAP, .sub = &sample_counts_table, LIST(A, counts)),
    F(A, by_name, 35, PB_MAP, .sub = &sample_by_name_table, LIST(A, by_name)),
    F(A, omitted, 36, PB_STRING, .flags = PB_OMIT),
    F(A, omitted_words, 37, PB_STRING, .flags = PB_REPEATED | PB_OMIT,
      .quantifier = offsetof(A, n_omitted_words)),
    F(A, limit, 38, PB_INT32, .flags = PB_HAS_MIN | PB_HAS_MAX | PB_CLAMP, .min = 1, .max = 200,
      HAS(A, limit)),
    F(A, nullable, 39, PB_STRING, .flags = PB_NULLABLE),
    F(A, left, 40, PB_STRING),
    F(A, right, 41, PB_STRING),
};
#undef A
/* Sorted by the bytes of the key. */
static const uint16_t sample_all_by_key[] = {2,  21, 23, 18, 16, 20, 19, 17, 6,  34, 26, 11, 33, 30,
                                             12, 4,  29, 0,  32, 39, 37, 25, 1,  7,  9,  38, 28, 22,
                                             35, 36, 24, 10, 3,  31, 40, 8,  15, 5,  13, 14, 27};
static const uint32_t sample_all_group_0[] = {39, 40};
static const struct pb_group sample_all_groups[] = {
    {PB_AT_MOST_ONE, sample_all_group_0, 2, "left, right"},
};
static const struct pb_table sample_all_table = {
    .name = "sample.All",
    .desc = &sample__all__descriptor,
    .fields = sample_all_fields,
    .count = ARRAY_LEN(sample_all_fields),
    .by_key = sample_all_by_key,
    .groups = sample_all_groups,
    .group_count = 1,
    .nulls = 41,
};

#define Q Sample__Query
static const struct pb_field sample_query_fields[] = {
    F(Q, suite_id, 1, PB_INT64, .source = PB_FROM_PATH, REQ),
    F(Q, limit, 2, PB_INT32, .source = PB_FROM_QUERY, .flags = PB_HAS_MIN | PB_HAS_MAX, .min = 1,
      .max = 200, HAS(Q, limit)),
    FB(Q, tags, 3, PB_STRING, 6, 5, .source = PB_FROM_QUERY,
       .flags = PB_REPEATED | PB_CSV | PB_LOWER, .quantifier = offsetof(Q, n_tags)),
    F(Q, sizes, 4, PB_INT32, .source = PB_FROM_QUERY, LIST(Q, sizes)),
    F(Q, deep, 5, PB_BOOL, .source = PB_FROM_QUERY, HAS(Q, deep)),
    F(Q, ratio, 6, PB_DOUBLE, .source = PB_FROM_QUERY, HAS(Q, ratio)),
    F(Q, since, 7, PB_TIME, .source = PB_FROM_QUERY, HAS(Q, since)),
    F(Q, token, 8, PB_STRING, .source = PB_FROM_HEADER, .header = "X-Token"),
    F(Q, title, 9, PB_STRING),
    F(Q, sure, 10, PB_BOOL, .source = PB_FROM_QUERY, REQ),
    F(Q, extra, 11, PB_RAW_JSON, .raw = 2, HAS(Q, extra)),
};
#undef Q
static const uint16_t sample_query_by_key[] = {4, 10, 1, 5, 6, 3, 0, 9, 2, 8, 7};
static const uint32_t sample_query_group_0[] = {7, 8};
static const struct pb_group sample_query_groups[] = {
    {PB_AT_LEAST_ONE, sample_query_group_0, 2, "token, title"},
};
static const struct pb_table sample_query_table = {
    .name = "sample.Query",
    .desc = &sample__query__descriptor,
    .fields = sample_query_fields,
    .count = ARRAY_LEN(sample_query_fields),
    .by_key = sample_query_by_key,
    .groups = sample_query_groups,
    .group_count = 1,
    .nulls = -1,
};

#undef F
#undef FB
#undef REQ
#undef HAS
#undef LIST
#undef ENTRY_TABLE

#endif
