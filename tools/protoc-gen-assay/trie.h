/* SPDX-License-Identifier: Apache-2.0
 *
 * The routes as a trie, before they become static arrays. */
#ifndef ASSAY_TOOLS_TRIE_H
#define ASSAY_TOOLS_TRIE_H

#include "model.h"

struct trie_node;

struct trie_child {
    struct str text;   /* fixed segment; empty of a parameter */
    struct str prefix; /* parameter */
    struct str suffix;
    struct trie_node *node;
};

struct trie_node {
    size_t index;
    struct trie_child *edges; /* sorted by text */
    size_t edge_count;
    struct trie_child *params; /* most fixed text first */
    size_t param_count;
    struct trie_node *rest;
    const struct route *routes[GW_VERB_COUNT];
};

struct trie {
    struct trie_node **nodes; /* the first is the root */
    size_t count;
};

/* Two routes that no request could tell apart are a fault. */
void trie_build(struct model *m, struct trie *out);

#endif
