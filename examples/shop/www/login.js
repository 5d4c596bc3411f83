const query = new URLSearchParams(location.search);
if (query.has('refused')) {
  document.getElementById('message').textContent = 'The email address or the password is wrong.';
}
if (query.has('bye')) document.getElementById('goodbye').textContent = 'You are signed out.';
