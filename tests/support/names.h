/* SPDX-License-Identifier: Apache-2.0
 *
 * For programs that answer look-ups of names themselves: they define a getaddrinfo, which libcurl
 * then calls, and it answers with names_answer. Included once, after cmocka, as it defines the
 * freeaddrinfo that goes with it. */
#ifndef ASSAY_TESTS_NAMES_H
#define ASSAY_TESTS_NAMES_H

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline struct addrinfo *
names_address(const char *text, const char *service, const struct addrinfo *hints)
{
    struct addrinfo *info = calloc(1, sizeof(*info) + sizeof(struct sockaddr_in6));
    in_port_t port = htons(service == NULL ? 0 : (uint16_t)strtol(service, NULL, 10));
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = port};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = port};
    bool is4 = inet_pton(AF_INET, text, &in.sin_addr) == 1;

    assert_non_null(info);
    assert_true(is4 || inet_pton(AF_INET6, text, &in6.sin6_addr) == 1);
    info->ai_family = is4 ? AF_INET : AF_INET6;
    info->ai_socktype = hints == NULL ? SOCK_STREAM : hints->ai_socktype;
    info->ai_protocol = IPPROTO_TCP;
    info->ai_addrlen = is4 ? sizeof(in) : sizeof(in6);
    info->ai_addr = (struct sockaddr *)(info + 1);
    memcpy(info->ai_addr, is4 ? (void *)&in : (void *)&in6, info->ai_addrlen);
    return info;
}

/* What getaddrinfo returns for a name that has these addresses, in this order; the list ends with
 * NULL. */
static inline int
names_answer(const char *const *addresses, const char *service, const struct addrinfo *hints,
             struct addrinfo **out)
{
    struct addrinfo **tail = out;

    for (*out = NULL; *addresses != NULL; addresses++) {
        *tail = names_address(*addresses, service, hints);
        tail = &(*tail)->ai_next;
    }
    return *out == NULL ? EAI_NONAME : 0;
}

void
freeaddrinfo(struct addrinfo *list)
{
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

#endif
