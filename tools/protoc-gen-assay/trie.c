/* SPDX-License-Identifier: Apache-2.0 */
#include "trie.h"

#include <stdlib.h>
#include <string.h>

static void *
append(struct model *m, const void *items, size_t count, size_t size)
{
    char *grown = model_alloc(m, count + 1, size);
    if (count > 0) {
        memcpy(grown, items, count * size);
    }
    return grown;
}

static struct trie_node *
new_node(struct model *m, struct trie *t)
{
    struct trie_node *node = model_alloc(m, 1, sizeof(*node));
    node->index = t->count;
    t->nodes = append(m, t->nodes, t->count, sizeof(struct trie_node *));
    t->nodes[t->count++] = node;
    return node;
}

static struct trie_node *
child_of(struct model *m, struct trie *t, struct trie_child **list, size_t *count,
         const struct trie_child *wanted)
{
    for (size_t i = 0; i < *count; i++) {
        const struct trie_child *c = &(*list)[i];
        if (str_eq(c->text, wanted->text) && str_eq(c->prefix, wanted->prefix) &&
            str_eq(c->suffix, wanted->suffix)) {
            return c->node;
        }
    }
    *list = append(m, *list, *count, sizeof(struct trie_child));
    struct trie_child *added = &(*list)[(*count)++];
    *added = *wanted;
    added->node = new_node(m, t);
    return added->node;
}

static struct trie_node *
descend(struct model *m, struct trie *t, struct trie_node *node, const struct segment *seg)
{
    if (seg->kind == SEG_REST) {
        node->rest = node->rest != NULL ? node->rest : new_node(m, t);
        return node->rest;
    }
    if (seg->kind == SEG_TEXT) {
        struct trie_child wanted = {.text = seg->text};
        return child_of(m, t, &node->edges, &node->edge_count, &wanted);
    }
    struct trie_child wanted = {.prefix = seg->prefix, .suffix = seg->suffix};
    return child_of(m, t, &node->params, &node->param_count, &wanted);
}

static void
insert(struct model *m, struct trie *t, const struct route *r)
{
    struct trie_node *node = t->nodes[0];
    for (size_t i = 0; i < r->count; i++) {
        node = descend(m, t, node, &r->segments[i]);
    }
    const struct route *other = node->routes[r->verb];
    if (other != NULL) {
        fault(m, r->rpc->at, "%s %s collides with %s%s:%d", gw_verb_name(r->verb), r->pattern,
              m->root, other->rpc->at.file, other->rpc->at.line);
        return;
    }
    node->routes[r->verb] = r;
}

static int
by_text(const void *a, const void *b)
{
    const struct trie_child *x = a;
    const struct trie_child *y = b;
    return str_cmp(x->text, y->text);
}

static int
by_fixed_text(const void *a, const void *b)
{
    const struct trie_child *x = a;
    const struct trie_child *y = b;
    size_t nx = x->prefix.n + x->suffix.n;
    size_t ny = y->prefix.n + y->suffix.n;
    if (nx != ny) {
        return nx > ny ? -1 : 1;
    }
    int order = str_cmp(x->prefix, y->prefix);
    return order != 0 ? order : str_cmp(x->suffix, y->suffix);
}

void
trie_build(struct model *m, struct trie *out)
{
    *out = (struct trie){0};
    new_node(m, out);
    for (size_t i = 0; i < m->route_count; i++) {
        insert(m, out, m->routes[i]);
    }
    for (size_t i = 0; i < out->count; i++) {
        struct trie_node *node = out->nodes[i];
        if (node->edge_count > 0) {
            qsort(node->edges, node->edge_count, sizeof(struct trie_child), by_text);
        }
        if (node->param_count > 0) {
            qsort(node->params, node->param_count, sizeof(struct trie_child), by_fixed_text);
        }
    }
}
