/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/devices/cdp_lab.h"

static const struct site_page pages[] = {
    {"/names",
     "<title>Names</title><header><nav aria-label=Main><a href=/x>Home</a></nav></header><main>"
     "<h2>Title <small>small</small></h2>"
     "<label for=a>By for</label><input id=a><label>Wrapped <input></label>"
     "<input aria-label='Aria'><span id=s1>Two</span> <span id=s2>parts</span>"
     "<input aria-labelledby='s1 s2'><input placeholder=Hint><input title=Tip>"
     "<button><img src=x alt=Search></button><button aria-label=Close>x</button>"
     "<button><span>Save</span> <b>all</b></button><input type=submit value=Send>"
     "<img src=x alt=Logo><img src=x alt=''><a href=/y><svg width=9 "
     "height=9><title>Cart</title></svg>"
     "</a><fieldset><legend>Pay</legend><label><input type=radio name=p>Card</label></fieldset>"
     "<div role=tab aria-selected=true>First</div><details "
     "open><summary>More</summary>inside</details>"
     "<button data-testid=tid name=nm>Tagged</button>"
     "<input type=range aria-label=Vol value=30><progress value=0.5></progress>"
     "<input aria-label=Need required aria-describedby=d><i id=d>Help text</i>"
     "<textarea aria-label=Area>t</textarea></main><footer>Foot</footer>",
     NULL},
    {"/edits",
     "<button onclick=d('front')>front</button><button onclick=d('end')>end</button><button "
     "onclick=d('middle')>middle</button><button onclick=d('drop')>drop</button><button onclick="
     "d('none')>none</button><button onclick=d('all')>all</button><ul id=u><li>1<li>2<li>3</ul>"
     "<script>let n=3;const li=()=>{const e=document.createElement('li');e.textContent=++n;return "
     "e};function d(w){const at=u.children;if(w=='front')u.prepend(li());if(w=='end')u.append(li()"
     ");if(w=='middle')u.insertBefore(li(),at[2]);if(w=='drop')at[1].remove();if(w=='none')"
     "u.textContent='';if(w=='all')document.body.innerHTML='<ul><li>x</ul>'}</script>",
     NULL},
    {"/person",
     "<button>Go</button><p id=o></p><script>setInterval(()=>{const s=navigator.userActivation."
     "hasBeenActive?'a person was here':'nobody was here';if(o.textContent!==s)o.textContent=s},5)"
     "</script>",
     NULL},
    {"/hidden",
     "<style>.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0,0,0,0)}"
     ".acc{height:0;overflow:hidden}</style>"
     "<p>seen</p><p style=display:none>n1</p><p style=visibility:hidden>n2 <b style="
     "visibility:visible>kept</b></p><p aria-hidden=true>n3</p><p style=opacity:0>n4</p>"
     "<div style=opacity:0><button>n5</button></div><div class=acc><button>n6</button></div>"
     "<span class=sr>n7</span><details><summary>sum</summary><p>n8</p></details>"
     "<div style='position:absolute;left:-9999px'><a href=/>n9</a></div><p hidden>n10</p>"
     "<div style='display:contents'><button>contents</button></div>"
     "<div style='position:absolute;top:5000px'><button>below</button></div>"
     "<div id=whole>Order <span style=display:none>confirmed</span> pending</div>",
     NULL},
    {"/shadow",
     "<my-card><span slot=t>Slotted</span></my-card><p id=log></p><script>customElements.define("
     "'my-card',class extends HTMLElement{constructor(){super();const r=this.attachShadow({mode:"
     "'open'});r.innerHTML='<style>button{color:red}</style><h3><slot name=t></slot></h3><label>"
     "Inner <input id=i></label><button><slot>Press me</slot></button>';r.querySelector('button')"
     ".onclick=()=>log.textContent='shadow '+r.querySelector('input').value}})</script>",
     NULL},
    {"/frames",
     "<h1>Outer</h1><iframe src=/inner style='margin:40px;width:400px;height:200px'></iframe>"
     "<iframe srcdoc='<button onclick=\"this.textContent=`Done`\">Doc</button>'></iframe>",
     NULL},
    {"/inner",
     "<body style=margin:10px><label>Field <input></label><button onclick=\"r.textContent='got '+"
     "document.querySelector('input').value\">Inside</button><p id=r></p>"
     "<div style=height:900px></div><button onclick=\"r.textContent='deep'\">Deep</button>",
     NULL},
    {"/cross",
     "<h1>Cross</h1><div style=height:1200px></div><div id=host></div><script>const f=document."
     "createElement('iframe');f.src='http://localhost:'+location.port+'/inner';f.style.cssText="
     "'width:500px;height:250px;border:7px solid';host.append(f);function cover(){const c="
     "document.createElement('div');c.id='lid';c.style.cssText='position:fixed;inset:0';"
     "document.body.append(c)}</script>",
     NULL},
    {"/crosslid",
     "<div id=host></div><div id=lid style='position:fixed;inset:0'></div><script>const f="
     "document.createElement('iframe');f.src='http://localhost:'+location.port+'/inner';"
     "host.append(f)</script>",
     NULL},
    {"/rows",
     "<table><caption>Jars</caption><thead><tr><th>Name<th>Price</thead><tbody>"
     "<tr><td>Amber jar 180<td>57<td><button>Add</button><tr><td>Amber jar 480<td>99<td>"
     "<button>Add</button></tbody></table><dl><dt>Total<dd>57.00</dl>"
     "<dialog open><h2>Sure?</h2><button>Yes</button></dialog>"
     "<div style=cursor:pointer>Clickable</div><div>Not</div>",
     NULL},
    {"/later",
     "<button onclick=\"setTimeout(()=>{o.textContent='arrived'},150)\">Go</button><p id=o></p>"
     "<input aria-label=Silent id=q><button onclick=\"setTimeout(()=>{q.value='set'},80)\">Set"
     "</button>",
     NULL},
    {"/odd",
     "<meta charset=utf-8><h1>Odd</h1><p id=a>Cafe\xCC\x81</p>"
     "<p id=b>Donau&shy;dampf\xE2\x80\x8Bschiff</p>"
     "<p id=c></p><p id=d></p><button onclick=\"alert('x\\ud83d y\\u0000z')\">Warn</button><script>"
     "c.textContent='half \\ud83d here';d.textContent='x'.repeat(1023)+'\\u{1F389}';"
     "document.title='t \\udc00'</script>",
     NULL},
    {"/entries",
     "<ul><li>Invoice 7 <button>Delete</button><li><input type=checkbox> Milk <a href=/x>More</a>"
     "<li>Plain <b>words</b><li role=separator>or<li role=none>bare</ul><table><tr><td>Invoice 8 "
     "<button>Delete</button><td>9</table>"
     "<p>Amount <input> <button>Clear</button></p><div>Total <p>57</p></div>"
     "<details id=shut><summary>Shut</summary>folded <b>away</b></details>"
     "<details open><summary>Open</summary>unfolded</details>"
     "<label>Tint <input type=color></label>"
     "<span id=l>Fruit</span><div role=combobox aria-labelledby=l tabindex=0>Apple</div>"
     "<button aria-haspopup=listbox aria-labelledby=l2>Pear</button><i id=l2>Second</i>",
     NULL},
    {"/still", "<p>nothing happens here</p>", NULL},
    {"/huge",
     "<script>let s='';for(let i=0;i<20050;i++)s+='<b>n'+i+'</b> ';document.write(s)</script>",
     NULL},
    {"/catalogue",
     "<table id=t></table><script>let s='';for(let i=0;i<500;i++)s+='<tr><td>Item '+i+'<td>Kind '"
     "+i%7+'<td>'+i+'.00<td><button>Buy</button>';t.innerHTML=s</script>",
     NULL},
    {"/bare", "<script>document.documentElement.remove()</script>", NULL},
    {"/twins",
     "<div class=x>one</div><div class=x>two</div><div class=y>three</div>"
     "<div class=z>shown</div><div class=z hidden>not</div>",
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
elements_have_the_names_people_use(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/names");
    lab_see(l);
    assert_true(str_eqz(l->snap.title, "Names"));
    lab_elem(l, ELEM_TEXTBOX, "By for");
    lab_elem(l, ELEM_TEXTBOX, "Wrapped");
    lab_elem(l, ELEM_TEXTBOX, "Aria");
    lab_elem(l, ELEM_TEXTBOX, "Two parts");
    assert_true(str_eqz(lab_elem(l, ELEM_TEXTBOX, "Hint")->placeholder, "Hint"));
    assert_true(str_eqz(lab_elem(l, ELEM_TEXTBOX, "Tip")->title, "Tip"));
    lab_elem(l, ELEM_BUTTON, "Search");
    lab_elem(l, ELEM_BUTTON, "Close");
    lab_elem(l, ELEM_BUTTON, "Save all");
    lab_elem(l, ELEM_BUTTON, "Send");
    lab_elem(l, ELEM_IMAGE, "Logo");
    lab_elem(l, ELEM_LINK, "Cart");
    lab_elem(l, ELEM_REGION, "Pay");
    lab_elem(l, ELEM_RADIO, "Card");
    assert_true(lab_elem(l, ELEM_TAB, "First")->flags & ELEM_SELECTED);
    assert_true(lab_elem(l, ELEM_BUTTON, "More")->flags & ELEM_EXPANDED);
    assert_true(str_eqz(lab_elem(l, ELEM_BUTTON, "Tagged")->test_id, "tid"));
    assert_true(str_eqz(lab_elem(l, ELEM_SLIDER, "Vol")->value, "30"));
    const struct elem *need = lab_elem(l, ELEM_TEXTBOX, "Need");
    assert_true(need->flags & ELEM_REQUIRED);
    assert_true(str_eqz(need->description, "Help text"));
    assert_true(str_eqz(lab_elem(l, ELEM_TEXTBOX, "Area")->value, "t"));
    assert_int_equal(lab_elem(l, ELEM_HEADING, "Title small")->level, 2);
    const struct elem *home = lab_elem(l, ELEM_LINK, "Home");
    assert_true(str_ends(home->href, STR("/x")));
    assert_int_equal(l->snap.elems[home->parent].role, ELEM_NAVIGATION);
    assert_true(str_eqz(l->snap.elems[home->parent].name, "Main"));
}

/* Accents of their own, places to break a word, halves of characters, NULs. */
static void
no_text_of_a_page_stops_the_driver(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/odd");
    lab_see(l);
    assert_true(str_eqz(lab_by_id(l, "a")->text, "Caf\xC3\xA9"));
    assert_true(str_eqz(lab_by_id(l, "b")->text, "Donaudampfschiff"));
    assert_true(str_eqz(lab_by_id(l, "c")->text, "half \xEF\xBF\xBD here"));
    assert_int_equal(lab_by_id(l, "d")->text.n, 1023);
    assert_true(str_eqz(l->snap.title, "t \xEF\xBF\xBD"));
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Warn"), NULL), "tap");
    while (lab_see(l)->dialog.p == NULL) {
        lab_expect(l, l->do_->wait_change(l->device, &l->ctx, l->snap.version, LAB_US), "change");
    }
    assert_true(str_eqz(l->snap.dialog, "x\xEF\xBF\xBD y\xEF\xBF\xBDz"));
    lab_expect(l, l->do_->dialog(l->device, &l->ctx, true, STR_EMPTY), "accept");
}

static void
entries_are_called_by_their_words_without_their_buttons(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/entries");
    lab_see(l);
    assert_true(str_eqz(lab_elem(l, ELEM_LISTITEM, "Invoice 7")->text, "Invoice 7 Delete"));
    lab_elem(l, ELEM_LISTITEM, "Milk");
    assert_true(str_eqz(lab_elem(l, ELEM_LISTITEM, "")->text, "Plain words"));
    int entries = 0; /* what only separates them is none */
    for (size_t i = 0; i < l->snap.count; i++) {
        entries += l->snap.elems[i].role == ELEM_LISTITEM;
    }
    assert_int_equal(entries, 3);
    lab_elem(l, ELEM_CELL, "Invoice 8");
    assert_null(lab_find(l, ELEM_OTHER, "Amount"));
    assert_null(lab_find(l, ELEM_OTHER, "Total"));
    lab_elem(l, ELEM_TEXTBOX, "Tint");
    assert_true(str_eqz(lab_by_id(l, "shut")->text, "Shut"));
    assert_true(lab_shows(l, "unfolded"));
    assert_true(str_eqz(lab_elem(l, ELEM_COMBOBOX, "Fruit")->value, "Apple"));
    assert_true(str_eqz(lab_elem(l, ELEM_COMBOBOX, "Second")->value, "Pear"));
}

static void
only_what_a_person_sees_is_there(void **state)
{
    struct lab *l = *state;
    char hidden[16];

    lab_open(l, "/hidden");
    lab_see(l);
    assert_true(lab_shows(l, "seen"));
    assert_true(lab_shows(l, "kept"));
    lab_elem(l, ELEM_BUTTON, "contents");
    assert_false(lab_elem(l, ELEM_BUTTON, "below")->flags & ELEM_IN_VIEW);
    for (int i = 1; i <= 10; i++) {
        snprintf(hidden, sizeof hidden, "n%d", i);
        if (lab_shows(l, hidden)) {
            fail_msg("%s is shown", hidden);
        }
    }
    lab_says(l, "whole", "Order pending");
}

static void
shadow_trees_are_part_of_the_page(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/shadow");
    lab_see(l);
    lab_elem(l, ELEM_HEADING, "Slotted");
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Inner", "abc");
    lab_tap(l, ELEM_BUTTON, "Press me");
    lab_says(l, "log", "shadow abc");
}

static void
frames_are_part_of_the_page(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/frames");
    lab_see(l);
    const struct elem *in = lab_elem(l, ELEM_BUTTON, "Inside");
    assert_true(in->box.x > 40 && in->box.y > 40); /* in the tab's coordinates */
    assert_true(in->frame > 0);
    assert_int_equal(l->snap.elems[in->parent].role, ELEM_FRAME);
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Field", "abc");
    lab_tap(l, ELEM_BUTTON, "Inside");
    lab_says(l, "r", "got abc");
    lab_tap(l, ELEM_BUTTON, "Deep");
    lab_says(l, "r", "deep");
    lab_tap(l, ELEM_BUTTON, "Doc");
    lab_see(l);
    lab_elem(l, ELEM_BUTTON, "Done");
}

/* 127.0.0.1 and localhost are two sites, so two processes. */
static void
frames_of_other_sites_are_part_of_the_page(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/cross");
    lab_until(l, "Inside");
    const struct elem *in = lab_elem(l, ELEM_BUTTON, "Inside");
    assert_int_equal(l->snap.elems[in->parent].role, ELEM_FRAME);
    assert_true(in->box.y > 1200);
    lab_act(l, DEVICE_FILL, ELEM_TEXTBOX, "Field", "far away");
    lab_tap(l, ELEM_BUTTON, "Inside");
    lab_until(l, "got far away");
    lab_tap(l, ELEM_BUTTON, "Deep");
    lab_until(l, "deep");
}

static void
a_frame_of_another_site_can_be_covered_too(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/crosslid");
    lab_until(l, "Inside");
    lab_refused(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Inside"), NULL),
                RC_FAILED_PRECONDITION, "COVERED");
}

static const struct elem *
above(const struct lab *l, const struct elem *e, enum elem_role role)
{
    while (e->role != role) {
        assert_true(e->parent >= 0);
        e = &l->snap.elems[e->parent];
    }
    return e;
}

static void
rows_dialogs_and_terms_hold_their_parts(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/rows");
    lab_see(l);
    const struct elem *add = lab_elem(l, ELEM_BUTTON, "Add");
    assert_true(str_eqz(above(l, add, ELEM_ROW)->text, "Amber jar 180 57 Add"));
    assert_true(str_eqz(above(l, add, ELEM_TABLE)->name, "Jars"));
    lab_elem(l, ELEM_COLUMNHEADER, "Price");
    assert_true(str_eqz(above(l, lab_elem(l, ELEM_BUTTON, "Yes"), ELEM_DIALOG)->name, "Sure?"));
    assert_true(lab_elem(l, ELEM_TEXT, "Clickable")->flags & ELEM_CLICKABLE);
    assert_false(lab_elem(l, ELEM_TEXT, "Not")->flags & ELEM_CLICKABLE);
    assert_true(str_eqz(lab_elem(l, ELEM_TEXT, "57.00")->label, "Total"));
    for (size_t i = 0; i < l->snap.count; i++) { /* parents stand before their children */
        assert_true(l->snap.elems[i].parent < (int32_t)i);
    }
}

static void
a_wait_ends_with_the_change_and_not_before(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/later");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Go"), NULL), "tap");
    lab_until(l, "arrived");
    lab_expect(l, lab_do(l, DEVICE_TAP, lab_ref(l, ELEM_BUTTON, "Set"), NULL), "tap");
    int64_t end_us = clk_mono_us() + LAB_US;
    while (!str_eqz(lab_by_id(l, "q")->value, "set")) { /* no event tells of this one */
        lab_expect(l, l->do_->wait_change(l->device, &l->ctx, l->snap.version, LAB_US), "change");
        assert_true(clk_mono_us() < end_us);
    }
}

static void
nothing_changes_where_nothing_happens(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/still");
    int64_t version = lab_see(l)->version;
    assert_int_equal(lab_see(l)->version, version);
    lab_refused(l, l->do_->wait_change(l->device, &l->ctx, version, 50000), RC_DEADLINE_EXCEEDED,
                "NO_CHANGE");
    assert_int_equal(lab_see(l)->version, version);
    /* A version that is gone needs no waiting. */
    lab_expect(l, l->do_->wait_change(l->device, &l->ctx, version - 1, LAB_US), "old version");
    lab_expect(l, l->do_->reload(l->device, &l->ctx), "reload");
    assert_true(lab_see(l)->version > version);
}

static void
long_pages_are_read_whole_and_endless_ones_cut(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/catalogue");
    lab_see(l);
    assert_false(l->snap.truncated);
    assert_int_equal(l->snap.count, 1 + 500 * 6);
    assert_true(lab_shows(l, "Item 499"));
    lab_open(l, "/huge");
    lab_see(l);
    assert_true(l->snap.truncated);
    assert_int_equal(l->snap.count, 20000);
}

/* The items of the page's list, in their order. */
static void
lists(struct lab *l, const char *want)
{
    char said[256] = "";

    lab_see(l);
    for (size_t i = 0; i < l->snap.count; i++) {
        const struct elem *e = &l->snap.elems[i];
        if (e->role == ELEM_LISTITEM) {
            assert_int_equal(l->snap.elems[e->parent].role, ELEM_LIST);
            size_t n = strlen(said);
            (void)snprintf(said + n, sizeof said - n, "%.*s ", STR_ARG(e->text));
        }
    }
    assert_string_equal(said, want);
}

/* A page tells only what differs from the look before; what comes of it is the whole page. */
static void
every_look_shows_the_whole_page(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/edits");
    lists(l, "1 2 3 ");
    lists(l, "1 2 3 ");
    lab_tap(l, ELEM_BUTTON, "front");
    lists(l, "4 1 2 3 ");
    lab_tap(l, ELEM_BUTTON, "end");
    lists(l, "4 1 2 3 5 ");
    lab_tap(l, ELEM_BUTTON, "middle");
    lists(l, "4 1 6 2 3 5 ");
    lab_tap(l, ELEM_BUTTON, "drop");
    lists(l, "4 6 2 3 5 ");
    lab_tap(l, ELEM_BUTTON, "none");
    lists(l, "");
    lab_elem(l, ELEM_BUTTON, "front");
    lab_tap(l, ELEM_BUTTON, "end");
    lists(l, "7 ");
    lab_tap(l, ELEM_BUTTON, "all");
    lists(l, "x ");
    lab_open(l, "/edits"); /* another document: nothing of the one before is kept */
    lists(l, "1 2 3 ");
}

/* What a page may do only for a person it may not do because it is looked at. */
static void
looking_is_nothing_a_person_does(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/person");
    lab_until(l, "nobody was here");
    for (int i = 0; i < 5; i++) {
        lab_settle(l);
        lab_says(l, "o", "nobody was here");
    }
    lab_tap(l, ELEM_BUTTON, "Go");
    lab_until(l, "a person was here");
}

static void
a_document_without_a_body_is_an_empty_page(void **state)
{
    struct lab *l = *state;

    lab_open(l, "/bare");
    assert_int_equal(lab_see(l)->count, 0);
}

static void
selectors_name_one_element_or_say_why_not(void **state)
{
    struct lab *l = *state;
    int32_t ref = -1;

    lab_open(l, "/twins");
    lab_expect(l, l->do_->find(l->device, &l->ctx, STR(".y"), &ref), "find");
    lab_expect(l, lab_do(l, DEVICE_TAP, ref, NULL), "tap");
    lab_refused(l, l->do_->find(l->device, &l->ctx, STR(".x"), &ref), RC_FAILED_PRECONDITION,
                "AMBIGUOUS");
    lab_refused(l, l->do_->find(l->device, &l->ctx, STR("#none"), &ref), RC_NOT_FOUND,
                "NO_SUCH_ELEMENT");
    lab_refused(l, l->do_->find(l->device, &l->ctx, STR("::bad("), &ref), RC_NOT_FOUND,
                "NO_SUCH_ELEMENT");
    lab_expect(l, l->do_->find(l->device, &l->ctx, STR(".z"), &ref), "the visible one");
    lab_open(l, "/frames");
    lab_expect(l, l->do_->find(l->device, &l->ctx, STR("label input"), &ref), "in a frame");
    lab_open(l, "/shadow");
    lab_expect(l, l->do_->find(l->device, &l->ctx, STR("#i"), &ref), "in a shadow tree");
    lab_expect(l, lab_do(l, DEVICE_FILL, ref, "x"), "fill");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_have_the_names_people_use),
        cmocka_unit_test(no_text_of_a_page_stops_the_driver),
        cmocka_unit_test(entries_are_called_by_their_words_without_their_buttons),
        cmocka_unit_test(only_what_a_person_sees_is_there),
        cmocka_unit_test(shadow_trees_are_part_of_the_page),
        cmocka_unit_test(frames_are_part_of_the_page),
        cmocka_unit_test(frames_of_other_sites_are_part_of_the_page),
        cmocka_unit_test(a_frame_of_another_site_can_be_covered_too),
        cmocka_unit_test(rows_dialogs_and_terms_hold_their_parts),
        cmocka_unit_test(a_wait_ends_with_the_change_and_not_before),
        cmocka_unit_test(nothing_changes_where_nothing_happens),
        cmocka_unit_test(long_pages_are_read_whole_and_endless_ones_cut),
        cmocka_unit_test(every_look_shows_the_whole_page),
        cmocka_unit_test(looking_is_nothing_a_person_does),
        cmocka_unit_test(a_document_without_a_body_is_an_empty_page),
        cmocka_unit_test(selectors_name_one_element_or_say_why_not),
    };

    return cmocka_run_group_tests(tests, start, lab_stop);
}
