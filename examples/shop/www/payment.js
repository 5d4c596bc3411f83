const at = (id) => document.getElementById(id);

at('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const digits = at('number').value.replace(/\s/g, '');
  const good = /^\d{16}$/.test(digits) && /^\d\d\/\d\d$/.test(at('expiry').value);
  at('said').className = good ? 'good' : 'error';
  at('said').textContent = good ? `Card ending in ${digits.slice(-4)} saved` : 'Check the card number and expiry date.';
  if (good) window.parent.postMessage({ card: digits.slice(-4) }, location.origin);
});
