/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum {
    SOLD_OUT_EVERY = 17,
    FREE_SHIPPING_FROM = 5000,
    SHIPPING = 490,
    COUPON_PERCENT = 10,
    CONFIRM_AFTER_US = 600 * 1000,
    FIRST_ORDER_NUMBER = 1042
};

static const char *const MATERIALS[] = {"Oak",       "Walnut",    "Bamboo",  "Cork",   "Enamel",
                                        "Stoneware", "Porcelain", "Glass",   "Copper", "Brass",
                                        "Steel",     "Slate",     "Marble",  "Linen",  "Cotton",
                                        "Wool",      "Felt",      "Leather", "Rattan", "Jute"};

static const struct {
    const char *name;
    const char *category;
} ITEMS[] = {{"bowl", "Kitchen"},         {"mug", "Kitchen"},         {"jug", "Kitchen"},
             {"trivet", "Kitchen"},       {"canister", "Kitchen"},    {"tray", "Dining"},
             {"coaster set", "Dining"},   {"platter", "Dining"},      {"candle holder", "Dining"},
             {"bread basket", "Dining"},  {"desk lamp", "Office"},    {"pen pot", "Office"},
             {"letter rack", "Office"},   {"bookend", "Office"},      {"wall clock", "Office"},
             {"planter", "Garden"},       {"watering can", "Garden"}, {"bird feeder", "Garden"},
             {"lantern", "Garden"},       {"door mat", "Garden"},     {"toy box", "Living"},
             {"picture frame", "Living"}, {"footstool", "Living"},    {"vase", "Living"},
             {"side table", "Living"}};

enum { ITEM_COUNT = sizeof ITEMS / sizeof ITEMS[0] };

static struct product products[PRODUCT_COUNT];
static struct visitor visitors[VISITOR_COUNT];
static uint64_t visits;
static pthread_mutex_t visitors_lock = PTHREAD_MUTEX_INITIALIZER;

void
catalogue_init(void)
{
    for (int i = 0; i < PRODUCT_COUNT; i++) {
        struct product *p = &products[i];
        p->id = i + 1;
        snprintf(p->name, sizeof p->name, "%s %s", MATERIALS[i / ITEM_COUNT],
                 ITEMS[i % ITEM_COUNT].name);
        p->category = ITEMS[i % ITEM_COUNT].category;
        p->price = 600 + 50 * (i * 37 % 61);
        p->sold_out = (i + 1) % SOLD_OUT_EVERY == 0;
    }
}

const struct product *
product_get(int id)
{
    return id >= 1 && id <= PRODUCT_COUNT ? &products[id - 1] : NULL;
}

static void
visitor_id_make(char out_id[VISITOR_ID_LEN + 1])
{
    unsigned char random[VISITOR_ID_LEN / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        memset(random, 0, sizeof random);
    }
    for (size_t i = 0; i < sizeof random; i++) {
        snprintf(out_id + 2 * i, 3, "%02x", random[i]);
    }
}

/* The visitor's place, or the place to use for a new one. Needs the lock. */
static struct visitor *
visitor_place(const char *id, bool *out_found)
{
    struct visitor *oldest = &visitors[0];
    for (int i = 0; i < VISITOR_COUNT; i++) {
        if (id != NULL && visitors[i].id[0] != '\0' && strcmp(visitors[i].id, id) == 0) {
            *out_found = true;
            return &visitors[i];
        }
        if (visitors[i].last_seen < oldest->last_seen) {
            oldest = &visitors[i];
        }
    }
    *out_found = false;
    return oldest;
}

struct visitor
visitor_load(const char *id)
{
    struct visitor visitor = {0};
    bool found = false;
    pthread_mutex_lock(&visitors_lock);
    const struct visitor *place = visitor_place(id, &found);
    if (found) {
        visitor = *place;
    }
    pthread_mutex_unlock(&visitors_lock);
    if (!found) {
        visitor_id_make(visitor.id);
    }
    return visitor;
}

void
visitor_save(const struct visitor *visitor)
{
    bool found = false;
    pthread_mutex_lock(&visitors_lock);
    struct visitor *place = visitor_place(visitor->id, &found);
    *place = *visitor;
    place->last_seen = ++visits;
    pthread_mutex_unlock(&visitors_lock);
}

static int
cart_find(const struct visitor *visitor, int product)
{
    for (int i = 0; i < visitor->line_count; i++) {
        if (visitor->lines[i].product == product) {
            return i;
        }
    }
    return -1;
}

static void
cart_remove(struct visitor *visitor, int at)
{
    memmove(&visitor->lines[at], &visitor->lines[at + 1],
            (size_t)(visitor->line_count - at - 1) * sizeof visitor->lines[0]);
    visitor->line_count--;
}

bool
cart_set(struct visitor *visitor, int product, int quantity)
{
    const struct product *p = product_get(product);
    if (p == NULL || p->sold_out || quantity < 0 || quantity > QUANTITY_MAX) {
        return false;
    }
    int at = cart_find(visitor, product);
    if (at >= 0 && quantity == 0) {
        cart_remove(visitor, at);
    } else if (at >= 0) {
        visitor->lines[at].quantity = quantity;
    } else if (quantity > 0) {
        if (visitor->line_count == CART_LINES) {
            return false;
        }
        visitor->lines[visitor->line_count++] = (struct cart_line){product, quantity};
    }
    return true;
}

int
cart_quantity(const struct visitor *visitor, int product)
{
    int at = cart_find(visitor, product);
    return at < 0 ? 0 : visitor->lines[at].quantity;
}

int
cart_pieces(const struct visitor *visitor)
{
    int pieces = 0;
    for (int i = 0; i < visitor->line_count; i++) {
        pieces += visitor->lines[i].quantity;
    }
    return pieces;
}

struct price
cart_price(const struct visitor *visitor)
{
    struct price price = {0};
    for (int i = 0; i < visitor->line_count; i++) {
        price.subtotal +=
            visitor->lines[i].quantity * products[visitor->lines[i].product - 1].price;
    }
    if (visitor->coupon) {
        price.discount = price.subtotal * COUPON_PERCENT / 100;
    }
    if (price.subtotal > 0 && price.subtotal < FREE_SHIPPING_FROM) {
        price.shipping = SHIPPING;
    }
    /* The planted bug: the discount is shown in its own line and never taken off. */
    price.total = price.subtotal + price.shipping;
    return price;
}

static int64_t
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool
order_place(struct visitor *visitor)
{
    if (visitor->line_count == 0) {
        return false;
    }
    visitor->order_number =
        visitor->order_number == 0 ? FIRST_ORDER_NUMBER : visitor->order_number + 1;
    visitor->ordered_us = now_us();
    visitor->line_count = 0;
    visitor->coupon = false;
    return true;
}

const char *
order_status(const struct visitor *visitor)
{
    if (visitor->order_number == 0) {
        return "none";
    }
    return now_us() - visitor->ordered_us < CONFIRM_AFTER_US ? "checking payment" : "confirmed";
}

bool
account_check(const char *email, const char *password)
{
    return strcmp(email, "ada@example.com") == 0 && strcmp(password, "correct-horse") == 0;
}
