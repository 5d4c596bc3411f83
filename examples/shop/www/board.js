// Dragging with pointer events, so that mouse, pen and finger do the same.
const said = document.getElementById('said');
const columns = [...document.querySelectorAll('.board section')];
const title = (section) => section.querySelector('h2').textContent;
let moving = null;

const under = (event) => columns.find((column) => {
  const box = column.getBoundingClientRect();
  return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
});

function tell() {
  said.textContent = columns.map((column) => `${title(column)}: ${column.querySelectorAll('li').length}`).join(', ');
}

document.querySelector('.board').addEventListener('pointerdown', (event) => {
  const item = event.target.closest('li');
  if (!item || event.button !== 0) return;
  const box = item.getBoundingClientRect();
  moving = { item, dx: event.clientX - box.left, dy: event.clientY - box.top };
  item.style.width = `${box.width}px`;
  item.setPointerCapture(event.pointerId);
});

document.addEventListener('pointermove', (event) => {
  if (!moving) return;
  moving.item.classList.add('moving');
  moving.item.style.left = `${event.clientX - moving.dx}px`;
  moving.item.style.top = `${event.clientY - moving.dy}px`;
  columns.forEach((column) => column.classList.toggle('target', column === under(event)));
});

document.addEventListener('pointerup', (event) => {
  if (!moving) return;
  const { item } = moving;
  moving = null;
  under(event)?.querySelector('ul').append(item);
  item.classList.remove('moving');
  item.removeAttribute('style');
  columns.forEach((column) => column.classList.remove('target'));
  tell();
});
tell();
