/* SPDX-License-Identifier: Apache-2.0 */
#include "pb/route.h"

#include <string.h>

#define SEGMENTS_MAX 64

struct walk {
    const struct gw_trie *trie;
    struct str segments[SEGMENTS_MAX];
    size_t count;
    struct arena *arena;
    struct gw_match *match;
};

static const char *const verb_names[GW_VERB_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

enum gw_verb
gw_verb_parse(struct str name)
{
    int v = 0;
    while (v < GW_VERB_COUNT && !str_eqz(name, verb_names[v])) {
        v++;
    }
    return (enum gw_verb)v;
}

const char *
gw_verb_name(enum gw_verb verb)
{
    return verb < GW_VERB_COUNT ? verb_names[verb] : "OTHER";
}

/* Decodes one segment; the common case without escapes copies nothing. */
static enum rc
decode(struct arena *arena, struct str raw, struct str *out)
{
    if (str_find_byte(raw, '%') < 0) {
        *out = raw;
        return str_is_utf8(raw) ? RC_OK : RC_NOT_FOUND;
    }
    char *text = arena_alloc(arena, raw.n);
    if (text == NULL) {
        return RC_RESOURCE_EXHAUSTED;
    }
    size_t n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '%') {
            int high = i + 2 < raw.n ? ch_hex(raw.p[i + 1]) : -1;
            int low = i + 2 < raw.n ? ch_hex(raw.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return RC_NOT_FOUND;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        text[n++] = c;
    }
    struct str decoded = {text, n};
    if (!str_is_utf8(decoded)) { /* NUL included */
        return RC_NOT_FOUND;
    }
    *out = decoded;
    return RC_OK;
}

static enum rc
split_path(struct walk *w, struct str path)
{
    if (path.n == 0 || path.p[0] != '/') {
        return RC_NOT_FOUND;
    }
    struct str rest = str_sub(path, 1, path.n);
    if (rest.n > 0 && rest.p[rest.n - 1] == '/') {
        rest.n--;
    }
    if (rest.n == 0) {
        return RC_OK;
    }
    while (rest.p != NULL) {
        if (w->count == SEGMENTS_MAX) {
            return RC_RESOURCE_EXHAUSTED;
        }
        enum rc rc = decode(w->arena, str_split(&rest, '/'), &w->segments[w->count]);
        if (rc != RC_OK) {
            return rc;
        }
        w->count++;
    }
    return RC_OK;
}

static const struct gw_edge *
find_edge(const struct gw_node *node, struct str text)
{
    size_t from = 0;
    size_t to = node->edge_count;
    while (from < to) {
        size_t mid = from + (to - from) / 2;
        int order = str_cmp(text, node->edges[mid].text);
        if (order == 0) {
            return &node->edges[mid];
        }
        if (order < 0) {
            to = mid;
        } else {
            from = mid + 1;
        }
    }
    return NULL;
}

/* The value between the edge's fixed texts; empty when the segment does not fit. */
static struct str
param_value(const struct gw_param_edge *edge, struct str segment)
{
    if (segment.n <= edge->prefix.n + edge->suffix.n || !str_starts(segment, edge->prefix) ||
        !str_ends(segment, edge->suffix)) {
        return STR_EMPTY;
    }
    return str_sub(segment, edge->prefix.n, segment.n - edge->suffix.n);
}

static bool
has_route(const struct gw_node *node)
{
    for (int v = 0; v < GW_VERB_COUNT; v++) {
        if (node->routes[v] >= 0) {
            return true;
        }
    }
    return false;
}

static bool
push_value(struct walk *w, struct str value)
{
    if (value.n == 0 || w->match->param_count == GW_PARAMS_MAX) {
        return false;
    }
    w->match->params[w->match->param_count++] = value;
    return true;
}

static const struct gw_node *walk_from(struct walk *w, size_t node_index, size_t at);

static const struct gw_node *
walk_params(struct walk *w, const struct gw_node *node, size_t at)
{
    for (size_t i = 0; i < node->param_count; i++) {
        size_t kept = w->match->param_count;
        if (push_value(w, param_value(&node->params[i], w->segments[at]))) {
            const struct gw_node *end = walk_from(w, node->params[i].node, at + 1);
            if (end != NULL) {
                return end;
            }
            w->match->param_count = kept;
        }
    }
    return NULL;
}

/* The segments from `at` on, decoded, with the slashes between them. */
static struct str
join_rest(struct walk *w, size_t at)
{
    size_t total = 0;
    for (size_t i = at; i < w->count; i++) {
        total += w->segments[i].n + 1;
    }
    char *text = arena_alloc(w->arena, total);
    if (text == NULL) {
        return STR_EMPTY;
    }
    size_t n = 0;
    for (size_t i = at; i < w->count; i++) {
        if (i > at) {
            text[n++] = '/';
        }
        if (w->segments[i].n > 0) {
            memcpy(text + n, w->segments[i].p, w->segments[i].n);
            n += w->segments[i].n;
        }
    }
    return str_n(text, n);
}

/* Depth is bounded by SEGMENTS_MAX. Branching is bounded by the routes: a node has few children. */
static const struct gw_node *
walk_from(struct walk *w, size_t node_index, size_t at)
{
    const struct gw_node *node = &w->trie->nodes[node_index];
    if (at == w->count) {
        return has_route(node) ? node : NULL;
    }
    const struct gw_edge *edge = find_edge(node, w->segments[at]);
    const struct gw_node *end = edge != NULL ? walk_from(w, edge->node, at + 1) : NULL;
    if (end == NULL) {
        end = walk_params(w, node, at);
    }
    if (end == NULL && node->rest >= 0 && push_value(w, join_rest(w, at))) {
        end = &w->trie->nodes[node->rest];
    }
    return end;
}

enum rc
gw_route_find(const struct gw_trie *trie, enum gw_verb verb, struct str path, struct arena *arena,
              struct gw_match *out, unsigned *out_allowed)
{
    struct gw_match match = {0};
    struct walk w = {.trie = trie, .arena = arena, .match = &match};
    enum rc rc = split_path(&w, path);
    if (rc != RC_OK) {
        return rc;
    }
    const struct gw_node *end = trie->node_count > 0 ? walk_from(&w, 0, 0) : NULL;
    if (end == NULL) {
        return arena_failed(arena) ? RC_RESOURCE_EXHAUSTED : RC_NOT_FOUND;
    }
    unsigned allowed = 0;
    for (int v = 0; v < GW_VERB_COUNT; v++) {
        allowed |= end->routes[v] >= 0 ? 1U << v : 0;
    }
    *out_allowed = allowed;
    if (verb >= GW_VERB_COUNT || end->routes[verb] < 0) {
        return RC_UNIMPLEMENTED;
    }
    match.route = &trie->routes[end->routes[verb]];
    *out = match;
    return RC_OK;
}
