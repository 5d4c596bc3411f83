// The cases of examples/suites/shop.yaml, step by step, as one writes them in Playwright Test. After
// every step a JPEG of the window, as assay keeps one (BENCH_SHOTS=0 leaves it out).
import { test, expect } from '@playwright/test';

const SHOTS = process.env.BENCH_SHOTS !== '0';

/** Runs the steps one after the other on `at.page`; a step may put another page there. */
function testCase(name, steps) {
  test(name, async ({ page, context }) => {
    const at = { page, first: page, context };
    for (const [title, run] of Object.entries(steps)) {
      await test.step(title, async () => {
        await run(at.page, at);
        if (SHOTS) await at.page.screenshot({ type: 'jpeg', quality: 80 });
      });
    }
  });
}

const open = (path) => (page) => page.goto(path);
const fill = (label, value) => (page) => page.getByLabel(label, { exact: true }).fill(value);
const click = (role, name) => (page) => page.getByRole(role, { name, exact: true }).click();
const sees = (text) => (page) => expect(page.getByText(text).filter({ visible: true }).first()).toBeVisible();
const heading = (name) => (page) => expect(page.getByRole('heading', { name, exact: true })).toBeVisible();
const press = (key) => (page) => page.keyboard.press(key);
// The description that follows a term.
const row = (name, value, wait) => (page) => expect(page.locator('dt', { hasText: new RegExp(`^${name}$`) })
  .locator('xpath=following-sibling::dd[1]')).toHaveText(value, wait);

testCase('A customer signs in and out', {
  'open': open('/login'),
  'email': fill('Email', 'ada@example.com'),
  'password': fill('Password', 'correct-horse'),
  'sign in': click('button', 'Sign in'),
  'account': heading('Your account'),
  'sign out': click('button', 'Sign out'),
  'said': sees('You are signed out.'),
});

testCase('A wrong password is refused', {
  'open': open('/login'),
  'fill': async (page) => { await fill('Email', 'ada@example.com')(page); await fill('Password', 'wrong-horse')(page); },
  'enter': press('Enter'),
  'refused': sees('The email address or the password is wrong.'),
  'empty': (page) => expect(page.getByLabel('Password')).toHaveValue(''),
  'not in': (page) => expect(page.getByText('Your account')).toBeHidden(),
});

testCase('A new customer registers', {
  'open': open('/register'),
  'first': fill('First name', 'Grace'),
  'last': fill('Last name', 'Hopper'),
  'email': fill('Email', 'grace@example.com'),
  'country': (page) => page.getByLabel('Country').selectOption('Ireland'),
  'born': fill('Date of birth', '1986-12-09'),
  'type': (page) => page.getByRole('radio', { name: 'Business' }).click(),
  'newsletter': (page) => page.getByLabel('Newsletter').uncheck(),
  'catalogue': (page) => page.getByLabel('Printed catalogue').check(),
  'household': fill('People in your household', '3'),
  'notes': fill('Delivery notes', 'Ring twice'),
  'create': click('button', 'Create account'),
  'ready': sees('Thank you, your account is ready'),
  'shows country': row('Country', 'Ireland'),
});

testCase('The catalogue can be searched', {
  'open': open('/catalogue'),
  'all': sees('500 products'),
  'mug': (page) => page.getByRole('searchbox', { name: 'Search' }).fill('mug'),
  'enter': press('Enter'),
  'twenty': sees('20 products'),
  'sold out': (page) => expect(page.getByRole('button', { name: 'Sold out' })).toBeDisabled(),
  'zeppelin': (page) => page.getByRole('searchbox', { name: 'Search' }).fill('zeppelin'),
  'search': click('button', 'Search'),
  'nothing': sees('Nothing found'),
});

testCase('Quantities change the total', {
  'open': open('/catalogue'),
  'add': (page) => page.getByRole('row', { name: /^Stoneware mug/ }).getByRole('button', { name: 'Add to basket' }).click(),
  'toast': sees('Stoneware mug is in your basket'),
  'toast goes': (page) => expect(page.getByText('Stoneware mug is in your basket')).toBeHidden(),
  'basket': click('link', 'Basket (1)'),
  'shipping': row('Shipping', '€4.90'),
  'three': fill('Quantity of Stoneware mug', '3'),
  'tab': press('Tab'),
  'total': row('Total', '€57.00'),
  'remove': click('button', 'Remove'),
  'empty': sees('Your basket is empty.'),
});

testCase('An order is placed and confirmed', {
  'open': open('/product?id=127'),
  'add': async (page) => { await click('button', 'Add to basket')(page); await sees('Basket (1)')(page); },
  'checkout': open('/checkout'),
  'disabled': (page) => expect(page.getByRole('button', { name: 'Place order' })).toBeDisabled(),
  'name': fill('Full name', 'Ada Lovelace'),
  'street': fill('Street and number', 'Elm Street 4'),
  'city': fill('City', 'Vienna'),
  'card': (page) => page.frameLocator('iframe').getByLabel('Card number').fill('4111 1111 1111 1111'),
  'expiry': (page) => page.frameLocator('iframe').getByLabel('Expiry date').fill('12/30'),
  'save': (page) => page.frameLocator('iframe').getByRole('button', { name: 'Save card' }).click(),
  'agree': (page) => page.getByLabel('I agree to the terms of sale').check(),
  // A dialog has to be answered by a handler here: the click and its answer are one step less.
  'place and accept': async (page) => {
    page.once('dialog', (dialog) => dialog.accept());
    await click('button', 'Place order')(page);
  },
  'confirmed': sees('Order confirmed'),
  'status': row('Status', 'confirmed'),
});

testCase('A product is rated', {
  'open': open('/product?id=236'),
  'four': click('button', '4 stars'),
  'said': sees('You gave 4 of 5 stars'),
  'care': click('tab', 'Care'),
  'text': sees('Wipe with a soft, damp cloth. No bleach.'),
  'heading': heading('Brass desk lamp'),
});

testCase('Terms open in a new tab and a gift note is kept', {
  'open': open('/checkout'),
  'terms': async (page, at) => {
    const [tab] = await Promise.all([at.context.waitForEvent('page'), click('link', 'Terms of sale')(page)]);
    at.tab = tab;
  },
  'switch': async (page, at) => { at.page = at.tab; await at.tab.waitForLoadState(); },
  'text': sees('within thirty days'),
  'close': async (page, at) => { await page.close(); at.page = at.first; },
  'gift note and answer': async (page) => {
    page.once('dialog', (dialog) => dialog.accept('Happy birthday'));
    await click('button', 'Add a gift note')(page);
  },
  'kept': sees('Gift note: Happy birthday'),
});

testCase('The activity list goes on', {
  'open': open('/activity'),
  'first': sees('Entry 1: the team packed an order'),
  'scroll': async (page) => {
    const last = page.getByText('Entry 60: the team shipped a parcel');
    for (let i = 0; i < 60 && !(await last.isVisible()); i++) {
      await page.mouse.wheel(0, 600);
      await page.waitForTimeout(20);
    }
    await last.scrollIntoViewIfNeeded();
  },
  'address': (page) => expect(page).toHaveURL(/\/activity$/),
});

testCase('The account area changes without a page load', {
  'open': open('/login'),
  'sign in': async (page) => {
    await fill('Email', 'ada@example.com')(page);
    await fill('Password', 'correct-horse')(page);
    await click('button', 'Sign in')(page);
  },
  'addresses': click('link', 'Addresses'),
  'new': fill('New address', 'Quay 7, Dublin'),
  'save': click('button', 'Save address'),
  'kept': sees('Quay 7, Dublin'),
  'settings': click('link', 'Settings'),
  'letter': (page) => page.getByLabel('Monthly letter').uncheck(),
  'back': (page) => page.goBack(),
  'address': (page) => expect(page).toHaveURL(/\/account\?view=addresses$/),
});

testCase('A coupon takes ten per cent off', {
  'open': open('/product?id=199'),
  'add': async (page) => { await click('button', 'Add to basket')(page); await sees('Basket (1)')(page); },
  'cart': open('/cart'),
  'winter': fill('Coupon code', 'WINTER'),
  'apply': click('button', 'Apply coupon'),
  'unknown': sees('We do not know this coupon.'),
  'spring': fill('Coupon code', 'SPRING10'),
  'apply again': click('button', 'Apply coupon'),
  'discount': row('Discount', '-€0.90'),
  'total': row('Total', '€13.00', { timeout: 1000 }), // must fail: waits as long as in bench/stack.sh
});

testCase('Things find their place in the room planner', {
  'open': open('/'),
  'hover': (page) => page.getByRole('button', { name: 'Departments' }).hover(),
  'garden': click('link', 'Garden'),
  'hundred': sees('100 products'),
  'planner': click('link', 'Room planner'),
  'drag': (page) => page.getByText('Copper lantern').dragTo(page.getByRole('region', { name: 'Terrace' })),
  'moved': sees('Wishes: 2, Hall: 0, Terrace: 1'),
  'heading': heading('Room planner'),
});
