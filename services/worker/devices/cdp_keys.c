/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_internal.h"

#include <stdio.h>
#include <string.h>

/* Bits of CDP's `modifiers`. */
enum { MOD_ALT = 1, MOD_CONTROL = 2, MOD_META = 4, MOD_SHIFT = 8 };

struct key {
    const char *name; /* as KeyboardEvent.key has it, or a name people use */
    const char *key;
    const char *code;
    int number; /* Windows virtual key code, which KeyboardEvent.keyCode shows */
    const char *text;
};

static const struct key keys[] = {
    {"Enter", "Enter", "Enter", 13, "\r"},
    {"Return", "Enter", "Enter", 13, "\r"},
    {"Tab", "Tab", "Tab", 9, NULL},
    {"Escape", "Escape", "Escape", 27, NULL},
    {"Esc", "Escape", "Escape", 27, NULL},
    {"Backspace", "Backspace", "Backspace", 8, NULL},
    {"Delete", "Delete", "Delete", 46, NULL},
    {"Del", "Delete", "Delete", 46, NULL},
    {"Insert", "Insert", "Insert", 45, NULL},
    {"Space", " ", "Space", 32, " "},
    {"ArrowDown", "ArrowDown", "ArrowDown", 40, NULL},
    {"ArrowUp", "ArrowUp", "ArrowUp", 38, NULL},
    {"ArrowLeft", "ArrowLeft", "ArrowLeft", 37, NULL},
    {"ArrowRight", "ArrowRight", "ArrowRight", 39, NULL},
    {"Down", "ArrowDown", "ArrowDown", 40, NULL},
    {"Up", "ArrowUp", "ArrowUp", 38, NULL},
    {"Left", "ArrowLeft", "ArrowLeft", 37, NULL},
    {"Right", "ArrowRight", "ArrowRight", 39, NULL},
    /* The names remote controls and Android give theirs. */
    {"DPAD_UP", "ArrowUp", "ArrowUp", 38, NULL},
    {"DPAD_DOWN", "ArrowDown", "ArrowDown", 40, NULL},
    {"DPAD_LEFT", "ArrowLeft", "ArrowLeft", 37, NULL},
    {"DPAD_RIGHT", "ArrowRight", "ArrowRight", 39, NULL},
    {"DPAD_CENTER", "Enter", "Enter", 13, "\r"},
    {"MENU", "ContextMenu", "ContextMenu", 93, NULL},
    {"Home", "Home", "Home", 36, NULL},
    {"End", "End", "End", 35, NULL},
    {"PageUp", "PageUp", "PageUp", 33, NULL},
    {"PageDown", "PageDown", "PageDown", 34, NULL},
    {"Shift", "Shift", "ShiftLeft", 16, NULL},
    {"Control", "Control", "ControlLeft", 17, NULL},
    {"Ctrl", "Control", "ControlLeft", 17, NULL},
    {"Alt", "Alt", "AltLeft", 18, NULL},
    {"Option", "Alt", "AltLeft", 18, NULL},
    {"Meta", "Meta", "MetaLeft", 91, NULL},
    {"Command", "Meta", "MetaLeft", 91, NULL},
    {"Cmd", "Meta", "MetaLeft", 91, NULL},
    {"ContextMenu", "ContextMenu", "ContextMenu", 93, NULL},
    {"CapsLock", "CapsLock", "CapsLock", 20, NULL},
    {"F1", "F1", "F1", 112, NULL},
    {"F2", "F2", "F2", 113, NULL},
    {"F3", "F3", "F3", 114, NULL},
    {"F4", "F4", "F4", 115, NULL},
    {"F5", "F5", "F5", 116, NULL},
    {"F6", "F6", "F6", 117, NULL},
    {"F7", "F7", "F7", 118, NULL},
    {"F8", "F8", "F8", 119, NULL},
    {"F9", "F9", "F9", 120, NULL},
    {"F10", "F10", "F10", 121, NULL},
    {"F11", "F11", "F11", 122, NULL},
    {"F12", "F12", "F12", 123, NULL},
};

static const struct {
    const char *name;
    int bit;
} modifiers[] = {
    {"Control", MOD_CONTROL}, {"Ctrl", MOD_CONTROL}, {"ControlOrMeta", MOD_CONTROL},
    {"Shift", MOD_SHIFT},     {"Alt", MOD_ALT},      {"Option", MOD_ALT},
    {"Meta", MOD_META},       {"Command", MOD_META}, {"Cmd", MOD_META},
};

static const struct key *
named(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (str_ieq(name, str_z(keys[i].name))) {
            return &keys[i];
        }
    }
    return NULL;
}

static int
modifier(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(modifiers); i++) {
        if (str_ieq(name, str_z(modifiers[i].name))) {
            return modifiers[i].bit;
        }
    }
    return 0;
}

/* One stroke: what the event says, and the text it enters. */
struct stroke {
    struct str key;
    char code[24];
    int number;
    struct str text; /* empty: enters nothing */
    int modifiers;
};

static void
ask_stroke(struct cdp_device *d, struct cdp_wait *w, const struct stroke *s, const char *type)
{
    bool down = strcmp(type, "keyUp") != 0;
    struct buf b;

    buf_init(&b, 4096);
    buf_putz(&b, "{");
    json_put_member_str(&b, "type", str_z(type));
    json_put_member_i64(&b, "modifiers", s->modifiers);
    json_put_member_str(&b, "key", s->key);
    json_put_member_str(&b, "code", str_z(s->code));
    json_put_member_i64(&b, "windowsVirtualKeyCode", s->number);
    if (down && s->text.n > 0) {
        json_put_member_str(&b, "text", s->text);
        json_put_member_str(&b, "unmodifiedText", s->text);
    }
    buf_putz(&b, "}");
    cdp_ask(d, w, cdp_tab(d), "Input.dispatchKeyEvent", buf_str(&b));
    buf_fini(&b);
}

/* What the key of a letter, digit or sign reports, on a US keyboard where it stands there. */
static struct stroke
stroke_of(struct str character, int mods)
{
    struct stroke s = {.key = character, .text = character, .modifiers = mods};
    char c = character.n == 1 ? character.p[0] : '\0';

    if (ch_is_alpha(c)) {
        char upper = (char)(ch_lower(c) - 32);
        snprintf(s.code, sizeof s.code, "Key%c", upper);
        s.number = upper;
        s.modifiers |= c == upper ? MOD_SHIFT : 0;
    } else if (ch_is_digit(c)) {
        snprintf(s.code, sizeof s.code, "Digit%c", c);
        s.number = c;
    } else if (c == ' ') {
        snprintf(s.code, sizeof s.code, "Space");
        s.number = c;
    }
    return s;
}

static void
ask_pair(struct cdp_device *d, struct cdp_wait *w, struct stroke s)
{
    /* With Control, Alt or Meta a key enters no text: it is a command. */
    if ((s.modifiers & (MOD_CONTROL | MOD_ALT | MOD_META)) != 0) {
        s.text = STR_EMPTY;
    }
    ask_stroke(d, w, &s, s.text.n > 0 ? "keyDown" : "rawKeyDown");
    ask_stroke(d, w, &s, "keyUp");
}

void
cdp_ask_char(struct cdp_device *d, struct cdp_wait *w, struct str character)
{
    ask_pair(d, w, stroke_of(character, 0));
}

bool
cdp_ask_key(struct cdp_device *d, struct cdp_wait *w, struct str spec)
{
    int mods = 0;
    ptrdiff_t plus;

    while ((plus = str_find_byte(spec, '+')) > 0 && (size_t)plus + 1 < spec.n) {
        int bit = modifier(str_trim(str_sub(spec, 0, (size_t)plus)));
        if (bit == 0) {
            return false;
        }
        mods |= bit;
        spec = str_sub(spec, (size_t)plus + 1, spec.n);
    }
    spec = spec.n > 1 ? str_trim(spec) : spec;
    const struct key *k = named(spec);
    if (k == NULL) {
        if (str_cp_count(spec) != 1) {
            return false;
        }
        /* "Control+A" names the key, not a capital: nobody means Control+Shift+A by it. */
        char lower = ch_lower(spec.p[0]);
        bool command = (mods & (MOD_CONTROL | MOD_ALT | MOD_META)) != 0 && (mods & MOD_SHIFT) == 0;
        ask_pair(d, w, stroke_of(command && spec.n == 1 ? str_n(&lower, 1) : spec, mods));
        return true;
    }
    struct stroke s = {
        .key = str_z(k->key), .number = k->number, .text = str_z(k->text), .modifiers = mods};
    snprintf(s.code, sizeof s.code, "%s", k->code);
    ask_pair(d, w, s);
    return true;
}
