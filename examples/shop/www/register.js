import { make, post } from '/shop.js';

const form = document.getElementById('form');
const message = document.getElementById('message');

function missing(fields) {
  if (!fields.get('first') || !fields.get('last')) return 'Enter your first and last name.';
  if (!fields.get('birthday')) return 'Enter your date of birth.';
  return '';
}

function summarise(fields, answer) {
  const rows = [
    ['Customer number', answer.customer], ['Name', `${fields.get('first')} ${fields.get('last')}`],
    ['Country', fields.get('country')], ['Born', fields.get('birthday')], ['Type', fields.get('type')],
    ['Household', fields.get('household')], ['Newsletter', fields.has('newsletter') ? 'yes' : 'no'],
    ['Printed catalogue', fields.has('catalogue') ? 'yes' : 'no'],
  ];
  if (answer.picture) rows.push(['Picture', fields.get('picture').name]);
  document.getElementById('summary').replaceChildren(
    ...rows.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]));
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  message.textContent = missing(fields);
  if (message.textContent) return;
  const { good, data } = await post('/api/register', fields);
  message.textContent = good ? '' : data.error;
  if (!good) return;
  summarise(fields, data);
  form.hidden = true;
  document.getElementById('done').hidden = false;
});
