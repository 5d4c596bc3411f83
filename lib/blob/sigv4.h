/* SPDX-License-Identifier: Apache-2.0
 *
 * AWS Signature Version 4 for S3. Our own, because the signer of libcurl 7.88 neither sorts nor
 * encodes the query and path as S3 wants. Private to lib/blob.
 *
 * Nothing blocks. Threads: any. Source: docs.aws.amazon.com, "Authenticating Requests (AWS
 * Signature Version 4)", with its examples as tests. */
#ifndef ASSAY_BLOB_SIGV4_H
#define ASSAY_BLOB_SIGV4_H

#include "base/arena.h"
#include "http/http.h"

struct sigv4_request {
    const char *method;
    struct str host;                 /* with the port unless it is the default one */
    struct str path;                 /* encoded, begins with '/' */
    struct str query;                /* encoded and sorted by name, without '?' */
    struct str payload_sha256;       /* hexadecimal */
    const struct http_header *extra; /* further headers to sign, names in lower case */
    size_t extra_count;
    struct str region;
    struct str access_key;
    struct str secret_key;
    int64_t now_us;
};

#define SIGV4_HEADERS_MAX 12
#define SIGV4_EXTRA_MAX 8

/* Writes the headers to send (host apart): x-amz-date, x-amz-content-sha256, the extra ones and
 * Authorization. Returns their number, 0 when the arena is full. */
NODISCARD size_t sigv4_sign(struct arena *arena, const struct sigv4_request *req,
                            struct http_header out[SIGV4_HEADERS_MAX]);

#endif
