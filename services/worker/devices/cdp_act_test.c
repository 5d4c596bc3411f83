/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_lab.h"

#include <unistd.h>

#include "tests/support/place.h"

static const struct site_page pages[] = {
    {"/login",
     "<title>Login</title><form action=/welcome onsubmit=\"this.n.value=this.n.value+'!'\">"
     "<label for=n>Name</label><input id=n name=n value=old>"
     "<label>Password <input type=password name=p></label>"
     "<button>Log in</button></form>",
     NULL},
    {"/welcome",
     "<title>Welcome</title><h1>Welcome</h1><p id=q></p>"
     "<script>q.textContent=location.search</script>",
     NULL},
    {"/form",
     "<p id=log></p><label>City <input id=city></label><label>Note <textarea id=note></textarea>"
     "</label><label>Born <input type=date id=born></label><label>At <input type=time "
     "id=at></label>"
     "<label>Count <input type=number id=count></label><label>Loud <input type=range "
     "id=loud></label>"
     "<label>Fixed <input readonly value=x></label><label>Off <input disabled></label>"
     "<label>Mail <input type=email id=mail value=a@></label>"
     "<div id=rich contenteditable aria-label=Rich>old</div>"
     "<label>Digits <input id=digits "
     "oninput=\"this.value=this.value.replace(/[^0-9]/g,'')\"></label>"
     "<script>const ev=[];for(const t of ['keydown','keyup','input','change','focus'])"
     "document.addEventListener(t,e=>{ev.push(e.type+(e.isTrusted?'':'~'));"
     "log.textContent=ev.join(' ')},true)</script>",
     NULL},
    {"/choose",
     "<p id=log>none</p><label>Colour <select id=c onchange=\"log.textContent='colour '+value\">"
     "<option value=r>Red<option value=g>Green<option value=b disabled>Blue</select></label>"
     "<label>Many <select multiple id=m onchange=\"log.textContent="
     "[...selectedOptions].map(o=>o.text).join('+')\"><option>A<option>B<option>C</select></label>"
     "<label><input type=checkbox id=k onchange=\"log.textContent='tick '+checked\">Agree</label>"
     "<label><input type=radio name=r id=r1>One</label><label><input type=radio name=r id=r2>Two"
     "</label><div role=switch aria-checked=false tabindex=0 aria-label=Dark "
     "onclick=\"ariaChecked=ariaChecked!='true'\">x</div>"
     "<style>.fancy{position:absolute;opacity:0;width:0;height:0}</style>"
     "<input class=fancy type=checkbox id=f><label for=f>Fancy</label>"
     "<div role=checkbox aria-checked=false aria-label=Stuck>s</div>"
     "<label>City <input list=cities onchange=\"log.textContent='city '+value\"></label>"
     "<datalist id=cities><option>Lisbon<option value=OPO>Porto</datalist>"
     "<select aria-label=Shut disabled><option>1</select>",
     NULL},
    {"/files",
     "<label>Photo <input type=file id=one onchange=\"log.textContent=[...files].map(f=>f.name+"
     "':'+f.size).join()\"></label><p id=log></p>"
     "<input type=file hidden id=h onchange=\"log.textContent='hidden '+files[0].name\">"
     "<button onclick=h.click()>Attach</button><button>Plain</button>",
     NULL},
    {"/covered",
     "<button onclick=\"log.textContent='pressed'\">Below</button><p id=log></p>"
     "<div id=shade style='position:fixed;inset:0;background:#0008'>Cookies</div>",
     NULL},
    {"/states",
     "<button disabled>Disabled</button><fieldset disabled><button>Inner</button></fieldset>"
     "<div aria-disabled=true><button onclick=\"log.textContent='pressed'\">Aria</button></div>"
     "<button id=gone>Gone</button><button id=hid>Hides</button><p id=log></p>"
     "<button onclick=\"gone.remove();hid.style.visibility='hidden'\">Change</button>",
     NULL},
    {"/moving",
     "<style>@keyframes m{to{left:600px}}#a{position:absolute;top:100px;left:0;"
     "animation:m 2s linear infinite}</style>"
     "<button id=a onclick=\"log.textContent='hit'\">Mover</button><p id=log></p>"
     "<script>onkeydown=()=>a.style.animation='none'</script>",
     NULL},
    {"/long",
     "<style>body{margin:0}#top{position:sticky;top:0;height:120px;background:#ccc}</style>"
     "<div id=top>Head</div><div style='height:3000px'></div>"
     "<button onclick=\"log.textContent='far '+Math.round(scrollY>0)\">Far</button><p id=log></p>"
     "<div style='height:3000px'></div>",
     NULL},
    {"/endless",
     "<ul id=l></ul><script>let n=0;function more(){for(let i=0;i<20;i++){const e="
     "document.createElement('li');e.textContent='Item '+ ++n;e.style.height='60px';"
     "l.append(e)}}more();addEventListener('scroll',()=>{if(n<200&&scrollY+innerHeight>"
     "document.documentElement.scrollHeight-50)more()})</script>",
     NULL},
    {"/drag",
     "<style>div{width:100px;height:60px;display:inline-block;background:#ddd}</style>"
     "<div draggable=true id=s ondragstart=\"event.dataTransfer.setData('text/plain','card')\""
     " role=button aria-label=Card>c</div><div id=t role=button aria-label=Bin "
     "ondragover=event.preventDefault() ondrop=\"log.textContent='dropped '+"
     "event.dataTransfer.getData('text/plain')\">b</div>"
     "<div id=p role=button aria-label=Knob style='position:absolute;left:10px;top:300px'>k</div>"
     "<div role=button aria-label=Goal style='position:absolute;left:400px;top:300px'>g</div>"
     "<p id=log></p><script>p.onpointerdown=e=>{p.setPointerCapture(e.pointerId);p.onpointermove="
     "e=>{p.style.left=e.clientX-50+'px'};p.onpointerup=e=>{p.onpointermove=null;"
     "log.textContent='knob '+(e.clientX>400)}}</script>",
     NULL},
    {"/loud",
     "<p id=log></p><label>Loud <input id=v oninput=\"log.textContent=value;if(!window.n){n=1;"
     "alert('typed')}\"></label>",
     NULL},
    {"/wander",
     "<p id=log></p><label>Here <input onkeydown=f.focus() oninput=\"log.textContent=value\">"
     "</label><iframe id=f></iframe><script>f.src='http://localhost:'+location.port+'/keys'"
     "</script>",
     NULL},
    {"/keys",
     "<input aria-label=Box id=b value='hello world'><p id=log></p><script>"
     "b.onkeydown=e=>log.textContent+=(e.ctrlKey?'C-':'')+(e.shiftKey?'S-':'')+e.key+' '</script>",
     NULL},
    {"/press",
     "<style>button{width:150px;height:50px}#menu{display:none}#h:hover+#menu{display:block}</"
     "style>"
     "<button ondblclick=\"log.textContent='double'\">Twice</button>"
     "<button oncontextmenu=\"event.preventDefault();log.textContent='context'\">Right</button>"
     "<button id=lp>Long</button><button id=h>Over</button><p id=menu>Menu shown</p><p id=log></p>"
     "<script>let t;lp.onpointerdown=()=>t=performance.now();lp.onpointerup=()=>"
     "log.textContent='held '+(performance.now()-t>=300)</script>",
     NULL},
    {NULL, NULL, NULL},
};

static int
start(void **state)
{
    *state = lab_new(pages, &lab_desktop);
    return 0;
}

static void
a_form_is_filled_and_sent(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/login");
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Name", "Zoë O'Neil");
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Password", "s\"e<cret");
    assert_true(lab_elem(l, ELEM_TEXTBOX, "Password")->flags & ELEM_SECRET);
    lab_see(l);
    /* As many dots as characters: enough to see that it is filled, and nothing more. */
    assert_true(str_eqz(lab_elem(l, ELEM_TEXTBOX, "Password")->value,
                        "\u2022\u2022\u2022\u2022\u2022\u2022\u2022\u2022"));
    lab_tap(l, ELEM_BUTTON, "Log in");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Welcome");
    lab_says(l, "q", "?n=Zo%C3%AB+O%27Neil%21&p=s%22e%3Ccret");
}

static void
typing_keeps_what_is_there_and_filling_replaces_it(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/login");
    lab_act(l, DEVICE_TYPE, ELEM_TEXTBOX, "Name", " and new");
    lab_see(l);
    assert_true(str_eqz(lab_elem(l, ELEM_TEXTBOX, "Name")->value, "old and new"));
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Name", "x");
    lab_see(l);
    assert_true(str_eqz(lab_elem(l, ELEM_TEXTBOX, "Name")->value, "x"));
    lab_act(l, DEVICE_CLEAR, ELEM_TEXTBOX, "Name", NULL);
    lab_see(l);
    assert_true(str_eqz(lab_elem(l, ELEM_TEXTBOX, "Name")->value, ""));
}

static void
value_is(struct lab *l, const char *id, const char *value)
{
    const struct elem *e = lab_by_id(l, id);

    if (!str_eqz(e->value, value)) {
        fail_msg("'%s' holds '%.*s', not '%s'", id, STR_ARG(e->value), value);
    }
}

static void
every_kind_of_field_takes_its_value(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/form");
    lab_act(l, DEVICE_FILL, ELEM_DATE, "Born", "2024-02-29");
    value_is(l, "born", "2024-02-29");
    lab_act(l, DEVICE_FILL, ELEM_DATE, "Born", "March 5, 2025");
    value_is(l, "born", "2025-03-05");
    lab_act(l, DEVICE_FILL, ELEM_DATE, "At", "3:05 pm");
    value_is(l, "at", "15:05");
    lab_act(l, DEVICE_FILL, ELEM_SPINBUTTON, "Count", "42");
    value_is(l, "count", "42");
    lab_act(l, DEVICE_TYPE, ELEM_SPINBUTTON, "Count", "7");
    value_is(l, "count", "427");
    lab_act(l, DEVICE_FILL, ELEM_SLIDER, "Loud", "80");
    value_is(l, "loud", "80");
    lab_act(l, DEVICE_TYPE, ELEM_TEXTBOX, "Mail", "b.org");
    value_is(l, "mail", "a@b.org");
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Note", "two\nlines");
    value_is(l, "note", "two lines");
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Rich", "new text");
    value_is(l, "rich", "new text");
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Digits", "12ab34");
    value_is(l, "digits", "1234");
}

static void
a_field_that_takes_nothing_says_so(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/form");
    lab_refused(l, lab_do(l, DEVICE_FILL, lab_ref(l, ELEM_TEXTBOX, "Fixed"), "y"),
                RC_FAILED_PRECONDITION, "NOT_EDITABLE");
    lab_refused(l, lab_do(l, DEVICE_FILL, lab_ref(l, ELEM_TEXTBOX, "Off"), "y"),
                RC_FAILED_PRECONDITION, "DISABLED");
    lab_refused(l, lab_do(l, DEVICE_FILL, lab_ref(l, ELEM_TEXTBOX, "Digits"), "abc"),
                RC_FAILED_PRECONDITION, "NOT_EDITABLE");
    /* The fourth of March or the third of April? */
    lab_refused(l, lab_do(l, DEVICE_FILL, lab_ref(l, ELEM_DATE, "Born"), "03/04/2026"),
                RC_FAILED_PRECONDITION, "NOT_EDITABLE");
    assert_false(lab_elem(l, ELEM_TEXTBOX, "Fixed")->flags & ELEM_EDITABLE);
}

static void
filling_fires_what_typing_fires(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/form");
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "City", "Rome");
    const struct elem *log = lab_by_id(l, "log");
    assert_true(str_find(log->text, STR("focus")) >= 0);
    assert_true(str_find(log->text, STR("keydown")) >= 0);
    assert_true(str_find(log->text, STR("input")) >= 0);
    assert_true(str_ends(log->text, STR("keyup")));
    assert_true(str_find(log->text, STR("~")) < 0); /* all of them trusted */
    lab_act(l, DEVICE_FOCUS, ELEM_TEXTBOX, "Note", NULL);
    assert_true(str_find(lab_by_id(l, "log")->text, STR("change")) >= 0);
}

static void
text_that_opens_a_dialog_is_whole_when_the_dialog_is_answered(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/loud");
    lab_expect(l, lab_do(l, DEVICE_FILL, lab_ref(l, ELEM_TEXTBOX, "Loud"), "Rome"), "fill");
    assert_true(str_eqz(lab_see(l)->dialog, "typed"));
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, true, STR_EMPTY), "accept");
    lab_until(l, "Rome");
}

static void
a_key_that_goes_up_elsewhere_does_not_hold_typing_up(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/wander");
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Here", "Rome");
    lab_until(l, "Rom");
}

static void
options_are_chosen_by_label_or_value(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/choose");
    lab_act(l, DEVICE_SELECT, ELEM_COMBOBOX, "Colour", "Green");
    lab_says(l, "log", "colour g");
    assert_true(str_eqz(lab_elem(l, ELEM_COMBOBOX, "Colour")->value, "Green"));
    lab_act(l, DEVICE_SELECT, ELEM_COMBOBOX, "Colour", "r");
    lab_says(l, "log", "colour r");
    lab_act(l, DEVICE_SELECT, ELEM_LISTBOX, "Many", "A\nC");
    lab_says(l, "log", "A+C");
    /* A field's own suggestions. */
    lab_act(l, DEVICE_SELECT, ELEM_COMBOBOX, "City", "Porto");
    lab_says(l, "log", "city OPO");
    lab_refused(l, lab_do(l, DEVICE_SELECT, lab_ref(l, ELEM_COMBOBOX, "City"), "Faro"),
                RC_FAILED_PRECONDITION, "NO_SUCH_OPTION");
    lab_refused(l, lab_do(l, DEVICE_SELECT, lab_ref(l, ELEM_COMBOBOX, "Colour"), "Pink"),
                RC_FAILED_PRECONDITION, "NO_SUCH_OPTION");
    lab_refused(l, lab_do(l, DEVICE_SELECT, lab_ref(l, ELEM_COMBOBOX, "Colour"), "Blue"),
                RC_FAILED_PRECONDITION, "DISABLED");
    lab_refused(l, lab_do(l, DEVICE_SELECT, lab_ref(l, ELEM_COMBOBOX, "Shut"), "1"),
                RC_FAILED_PRECONDITION, "DISABLED");
}

static enum rc
check(struct lab *l, enum elem_role role, const char *name, bool on)
{
    struct device_action a = {
        .verb = DEVICE_CHECK, .ref = lab_ref(l, role, name), .ref2 = -1, .on = on};

    return l->do_->act(l->device, &l->ctx, &a);
}

static void
boxes_are_brought_to_the_state_asked_for(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/choose");
    lab_expect(l, check(l, ELEM_CHECKBOX, "Agree", true), "check");
    lab_says(l, "log", "tick true");
    lab_expect(l, check(l, ELEM_CHECKBOX, "Agree", true), "check again");
    assert_true(lab_elem(l, ELEM_CHECKBOX, "Agree")->flags & ELEM_CHECKED);
    lab_expect(l, check(l, ELEM_CHECKBOX, "Agree", false), "uncheck");
    lab_says(l, "log", "tick false");
    lab_expect(l, check(l, ELEM_RADIO, "Two", true), "radio");
    lab_see(l);
    assert_true(lab_elem(l, ELEM_RADIO, "Two")->flags & ELEM_CHECKED);
    lab_refused(l, check(l, ELEM_RADIO, "Two", false), RC_FAILED_PRECONDITION, "NOT_EDITABLE");
    lab_expect(l, check(l, ELEM_SWITCH, "Dark", true), "switch");
    lab_see(l);
    assert_true(lab_elem(l, ELEM_SWITCH, "Dark")->flags & ELEM_CHECKED);
    lab_expect(l, check(l, ELEM_CHECKBOX, "Fancy", true), "a styled box");
    lab_see(l);
    assert_true(lab_elem(l, ELEM_CHECKBOX, "Fancy")->flags & ELEM_CHECKED);
    lab_refused(l, check(l, ELEM_CHECKBOX, "Stuck", true), RC_FAILED_PRECONDITION, "NOT_EDITABLE");
}

static void
files_go_into_inputs_and_into_buttons_that_ask(void **state)
{
    struct lab *l = *state;
    char path[PLACE_MAX];

    (void)snprintf(path, sizeof(path), "%s/assay-upload-XXXXXX.txt", place_base());
    int fd = mkstemps(path, 4);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "hello", 5), 5);
    close(fd);
    lab_open(l, "/files");
    lab_act(l, DEVICE_UPLOAD, ELEM_FILE, "Photo", path);
    const struct elem *log = lab_by_id(l, "log");
    assert_true(str_starts(log->text, STR("assay-upload-")) && str_ends(log->text, STR(":5")));
    lab_act(l, DEVICE_UPLOAD, ELEM_BUTTON, "Attach", path);
    assert_true(str_starts(lab_by_id(l, "log")->text, STR("hidden assay-upload-")));
    lab_refused(l, lab_do(l, DEVICE_UPLOAD, lab_ref(l, ELEM_BUTTON, "Plain"), path),
                RC_UNIMPLEMENTED, "NOT_SUPPORTED");
    lab_refused(l, lab_do(l, DEVICE_UPLOAD, lab_ref(l, ELEM_FILE, "Photo"), "/nowhere/x"),
                RC_INVALID_ARGUMENT, "NO_SUCH_FILE");
    unlink(path);
}

static void
what_covers_an_element_is_named_and_not_pressed(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/covered");
    enum rc rc = lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Below"), NULL);
    assert_true(str_find(l->ctx.err.msg, STR("shade")) >= 0);
    assert_true(str_find(l->ctx.err.msg, STR("Cookies")) >= 0);
    lab_refused(l, rc, RC_FAILED_PRECONDITION, "COVERED");
    lab_see(l);
    assert_false(lab_shows(l, "pressed"));
}

static void
disabled_and_vanished_elements_are_not_pressed(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/states");
    lab_refused(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Disabled"), NULL),
                RC_FAILED_PRECONDITION, "DISABLED");
    lab_refused(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Inner"), NULL),
                RC_FAILED_PRECONDITION, "DISABLED");
    lab_refused(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Aria"), NULL),
                RC_FAILED_PRECONDITION, "DISABLED");
    assert_false(lab_elem(l, ELEM_BUTTON, "Inner")->flags & ELEM_ENABLED);
    int32_t gone = lab_ref(l, ELEM_BUTTON, "Gone");
    int32_t hides = lab_ref(l, ELEM_BUTTON, "Hides");
    lab_tap(l, ELEM_BUTTON, "Change");
    lab_refused(l, lab_do(l, DEVICE_TAP, gone, NULL), RC_FAILED_PRECONDITION, "DETACHED");
    lab_refused(l, lab_do(l, DEVICE_TAP, hides, NULL), RC_FAILED_PRECONDITION, "NOT_VISIBLE");
    lab_open(l, "/login");
    lab_refused(l, lab_do(l, DEVICE_TAP, hides, NULL), RC_FAILED_PRECONDITION, "DETACHED");
}

static void
a_moving_element_is_pressed_only_when_it_stands(void **state)
{
    struct lab *l = *state;
    enum rc rc;

    lab_open(l, "/moving");
    int32_t ref = lab_ref(l, ELEM_BUTTON, "Mover");
    rc = lab_do(l, DEVICE_TAP, ref, NULL);
    lab_refused(l, rc, RC_FAILED_PRECONDITION, "MOVING");
    ctx_recover(&l->ctx);
    /* However slow the machine: it moves until it is told to stand. */
    lab_expect(l, lab_do(l, DEVICE_KEY, -1, "s"), "key");
    lab_see(l);
    rc = lab_do(l, DEVICE_TAP, ref, NULL);
    lab_expect(l, rc, "tap");
    lab_says(l, "log", "hit");
}

static void
far_elements_are_scrolled_to_from_under_sticky_heads(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/long");
    lab_see(l);
    assert_false(lab_elem(l, ELEM_BUTTON, "Far")->flags & ELEM_IN_VIEW);
    assert_true(lab_elem(l, ELEM_BUTTON, "Far")->flags & ELEM_VISIBLE);
    lab_tap(l, ELEM_BUTTON, "Far");
    lab_says(l, "log", "far 1");
    lab_act(l, DEVICE_SCROLL_TO, ELEM_BUTTON, "Far", NULL);
    lab_see(l);
    assert_true(lab_elem(l, ELEM_BUTTON, "Far")->flags & ELEM_IN_VIEW);
}

static void
an_endless_list_grows_while_it_is_scrolled(void **state)
{
    struct lab *l = *state;
    struct device_action a = {.verb = DEVICE_SCROLL, .ref = -1, .ref2 = -1, .y2 = 5000};

    lab_open(l, "/endless");
    lab_see(l);
    assert_false(lab_shows(l, "Item 21"));
    for (int i = 0; i < 20 && !lab_shows(l, "Item 200"); i++) {
        lab_expect(l, l->do_->act(l->device, &l->ctx, &a), "scroll");
        lab_see(l);
    }
    assert_true(lab_shows(l, "Item 200"));
    assert_true(l->snap.scroll_y > 1000);
}

static void
things_are_dragged_by_the_browser_or_by_the_page(void **state)
{
    struct lab *l = *state;
    struct device_action a = {.verb = DEVICE_DRAG};

    lab_open(l, "/drag");
    a.ref = lab_ref(l, ELEM_BUTTON, "Card");
    a.ref2 = lab_elem(l, ELEM_BUTTON, "Bin")->ref;
    lab_expect(l, l->do_->act(l->device, &l->ctx, &a), "drag");
    lab_says(l, "log", "dropped card");
    a.ref = lab_ref(l, ELEM_BUTTON, "Knob");
    a.ref2 = lab_elem(l, ELEM_BUTTON, "Goal")->ref;
    lab_expect(l, l->do_->act(l->device, &l->ctx, &a), "pointer drag");
    lab_says(l, "log", "knob true");
}

static void
keys_are_pressed_with_their_modifiers(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/keys");
    lab_act(l, DEVICE_FOCUS, ELEM_TEXTBOX, "Box", NULL);
    lab_expect(l, lab_do(l, DEVICE_KEY, -1, "Control+A"), "key");
    lab_says(l, "log", "C-a");
    lab_expect(l, lab_do(l, DEVICE_KEY, -1, "Backspace"), "key");
    value_is(l, "b", "");
    lab_expect(l, lab_do(l, DEVICE_KEY, -1, "Shift+ArrowDown"), "key");
    lab_says(l, "log", "C-a Backspace S-ArrowDown");
    lab_expect(l, lab_do(l, DEVICE_KEY, -1, "q"), "key");
    value_is(l, "b", "q");
    lab_refused(l, lab_do(l, DEVICE_KEY, -1, "Hyper+X"), RC_INVALID_ARGUMENT, "NO_SUCH_KEY");
}

static void
presses_come_in_all_kinds(void **state)
{
    struct lab *l = *state;
    struct device_action held = {.verb = DEVICE_LONG_PRESS, .ref2 = -1, .duration_us = 350000};

    lab_open(l, "/press");
    lab_act(l, DEVICE_DOUBLE_TAP, ELEM_BUTTON, "Twice", NULL);
    lab_says(l, "log", "double");
    lab_act(l, DEVICE_CONTEXT_TAP, ELEM_BUTTON, "Right", NULL);
    lab_says(l, "log", "context");
    held.ref = lab_ref(l, ELEM_BUTTON, "Long");
    lab_expect(l, l->do_->act(l->device, &l->ctx, &held), "hold");
    lab_says(l, "log", "held true");
    lab_see(l);
    assert_false(lab_shows(l, "Menu shown"));
    lab_act(l, DEVICE_HOVER, ELEM_BUTTON, "Over", NULL);
    lab_see(l);
    assert_true(lab_shows(l, "Menu shown"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_filled_and_sent),
        cmocka_unit_test(typing_keeps_what_is_there_and_filling_replaces_it),
        cmocka_unit_test(every_kind_of_field_takes_its_value),
        cmocka_unit_test(a_field_that_takes_nothing_says_so),
        cmocka_unit_test(filling_fires_what_typing_fires),
        cmocka_unit_test(text_that_opens_a_dialog_is_whole_when_the_dialog_is_answered),
        cmocka_unit_test(a_key_that_goes_up_elsewhere_does_not_hold_typing_up),
        cmocka_unit_test(options_are_chosen_by_label_or_value),
        cmocka_unit_test(boxes_are_brought_to_the_state_asked_for),
        cmocka_unit_test(files_go_into_inputs_and_into_buttons_that_ask),
        cmocka_unit_test(what_covers_an_element_is_named_and_not_pressed),
        cmocka_unit_test(disabled_and_vanished_elements_are_not_pressed),
        cmocka_unit_test(a_moving_element_is_pressed_only_when_it_stands),
        cmocka_unit_test(far_elements_are_scrolled_to_from_under_sticky_heads),
        cmocka_unit_test(an_endless_list_grows_while_it_is_scrolled),
        cmocka_unit_test(things_are_dragged_by_the_browser_or_by_the_page),
        cmocka_unit_test(keys_are_pressed_with_their_modifiers),
        cmocka_unit_test(presses_come_in_all_kinds),
    };

    return cmocka_run_group_tests(tests, start, lab_stop);
}
