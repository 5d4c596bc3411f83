/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a process that keeps or reads blobs. All processes of a stack must be given the
 * same store, so they read it with the same rows:
 *
 *     struct tst_cfg { struct blob_settings blob; int64_t lease_us; };
 *     const struct cfg_row ROWS[] = {BLOB_CFG_ROWS(struct tst_cfg, blob), {.name = ...}};
 *     rc = blob_open_settings(&cfg.blob, &store, &why); */
#ifndef ASSAY_BLOB_BLOB_CFG_H
#define ASSAY_BLOB_BLOB_CFG_H

#include "blob/blob.h"
#include "cfg/cfg.h"

struct blob_settings {
    const char *url;
    const char *s3_access_key;
    const char *s3_secret_key;
    bool fsync;
};

/* clang-format off */
#define BLOB_CFG_ROWS(of, member)                                                                  \
    {.name = "ASSAY_BLOB_URL", .type = CFG_STR, .def = "file:var/blobs",                           \
     .text = "store of screenshots and uploads: file:DIR or "                                      \
             "s3://bucket/prefix?endpoint=...&region=...",                                         \
     .offset = offsetof(of, member.url)},                                                          \
    {.name = "ASSAY_S3_ACCESS_KEY", .type = CFG_STR, .def = "",                                    \
     .text = "access key of an s3 store", .offset = offsetof(of, member.s3_access_key)},           \
    {.name = "ASSAY_S3_SECRET_KEY", .type = CFG_STR, .def = "", .secret = true,                    \
     .text = "secret key of an s3 store", .offset = offsetof(of, member.s3_secret_key)},           \
    {.name = "ASSAY_BLOB_FSYNC", .type = CFG_BOOL, .def = "true",                                  \
     .text = "whether what goes into a file store is flushed to disk before it counts as kept",    \
     .offset = offsetof(of, member.fsync)}
/* clang-format on */

/* blob_open by these settings; errors and *out_why as there. */
NODISCARD enum rc blob_open_settings(const struct blob_settings *settings, struct blob_store **out,
                                     const char **out_why);

#endif
