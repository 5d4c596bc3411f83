/* SPDX-License-Identifier: Apache-2.0
 *
 * What the sample shop knows: 500 products, and per visitor a basket, a coupon and an order.
 * Nothing is stored; a visitor is a cookie, so tests that run at the same time never see each
 * other.
 *
 * The shop carries one bug on purpose, in cart_price(): the suite examples/suites/shop.yaml finds
 * it.
 *
 * Units: money is euro cents, times are microseconds of the monotonic clock. Threads: any. */
#ifndef SHOP_MODEL_H
#define SHOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PRODUCT_COUNT = 500,
    CART_LINES = 16,
    VISITOR_COUNT = 512,
    VISITOR_ID_LEN = 32,
    QUANTITY_MAX = 99
};

struct product {
    int id; /* 1 .. PRODUCT_COUNT */
    char name[32];
    const char *category;
    int price;
    bool sold_out;
};

struct cart_line {
    int product;
    int quantity;
};

struct visitor {
    char id[VISITOR_ID_LEN + 1];
    bool signed_in;
    bool coupon;
    int line_count;
    struct cart_line lines[CART_LINES];
    int order_number; /* 0: nothing ordered yet */
    int64_t ordered_us;
    uint64_t last_seen;
};

struct price {
    int subtotal;
    int discount;
    int shipping;
    int total;
};

void catalogue_init(void);
/* NULL when there is no such product. */
const struct product *product_get(int id);

/* Copy of the visitor with this cookie; a new visitor with a new id when it is unknown or NULL. */
struct visitor visitor_load(const char *id);
/* Keeps the visitor; the one not seen for longest makes room. */
void visitor_save(const struct visitor *visitor);

/* Sets the quantity of a product; 0 takes it out. False: no such product, sold out, or no room. */
bool cart_set(struct visitor *visitor, int product, int quantity);
int cart_quantity(const struct visitor *visitor, int product);
int cart_pieces(const struct visitor *visitor);
struct price cart_price(const struct visitor *visitor);

/* Turns the basket into an order. False when it is empty. */
bool order_place(struct visitor *visitor);
/* "none", "checking payment" and, from 600 ms after the order, "confirmed". */
const char *order_status(const struct visitor *visitor);

bool account_check(const char *email, const char *password);

#endif
