// What all parts share: finding elements, sliders, texts.

const root = document.documentElement;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function find(identifier) { return document.getElementById(identifier); }

// Writes a text where it differs, so that nothing is read out twice.
function write(identifier, text) {
  const element = find(identifier);
  if (element.textContent !== text) element.textContent = text;
}

function clamp(value, lower, upper) { return Math.min(upper, Math.max(lower, value)); }

// Makes a slider call `act` with its value, and says in words where it stands.
function slider(identifier, describe, act) {
  const input = find(identifier);
  const tell = () => {
    const text = describe(Number(input.value));
    input.setAttribute("aria-valuetext", text);
    write(identifier + "-text", text);
  };
  input.addEventListener("input", () => { tell(); act(Number(input.value)); });
  if (input.value !== input.defaultValue) tell();
  return {
    get value() { return Number(input.value); },
    set value(value) { input.value = value; tell(); },
    set upper(value) { input.max = value; },
  };
}

function choice(identifier, act) {
  const select = find(identifier);
  select.addEventListener("change", () => act(select.value));
  return select;
}

function press(identifier, act) { find(identifier).addEventListener("click", act); }

// The options of a list of rows.
function listRows(select, count, name) {
  if (select.options.length === count) return;
  const chosen = Math.min(select.selectedIndex, count - 1);
  select.replaceChildren(...Array.from({ length: count }, (_, row) => new Option(name(row), row)));
  select.selectedIndex = chosen;
}

// A drawing that is operated is no image any more, in which nothing could be chosen.
function makeOperable(drawing) {
  drawing.setAttribute("role", "group");
}

function svg(name, attributes = {}, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// A line through points, each two numbers.
function line(points) {
  return points.map(([x, y], index) => (index === 0 ? "M" : "L") + x.toFixed(2) + "," + y.toFixed(2)).join("");
}

// Where a pointer is in a drawing's own units.
function pointIn(drawing, event) {
  const point = new DOMPoint(event.clientX, event.clientY);
  return point.matrixTransform(drawing.getScreenCTM().inverse());
}

// Calls `move` while a pointer that was pressed on the element is moved, until it is let go.
function drag(element, begin, move) {
  element.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    if (begin(event) === false) return;
    event.preventDefault();
    element.setPointerCapture(event.pointerId);
    const follow = next => { if (next.pointerId === event.pointerId) move(next); };
    const end = () => {
      element.removeEventListener("pointermove", follow);
      element.removeEventListener("pointerup", end);
      element.removeEventListener("pointercancel", end);
    };
    element.addEventListener("pointermove", follow);
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", end);
  });
}

// Runs `frame` at each picture of the screen while the element is in sight, and the page is.
class Motion {
  constructor(element, frame) {
    Object.assign(this, { frame, isWanted: false, isSeen: true, request: 0 });
    new IntersectionObserver(entries => {
      this.isSeen = entries.at(-1).isIntersecting;
      this.schedule();
    }).observe(element);
    this.tick = () => {
      this.request = 0;
      if (!this.isWanted || !this.isSeen) return;
      if (this.frame() === false) this.isWanted = false;
      this.schedule();
    };
  }

  schedule() {
    if (this.isWanted && this.isSeen && this.request === 0) this.request = requestAnimationFrame(this.tick);
  }

  start() { this.isWanted = true; this.schedule(); }
  stop() { this.isWanted = false; }
}

// The page's colours as red, green and blue, for what is painted; they change with the reader's choice of light or dark.
const colours = {};
const repaints = [];
function readColours() {
  const style = getComputedStyle(root);
  for (const [name, property] of [["first", "--series-0"], ["second", "--series-1"], ["background", "--background"],
    ["muted", "--muted"], ["rule", "--rule"], ["ink", "--ink"]]) {
    const code = parseInt(style.getPropertyValue(property).trim().slice(1), 16);
    colours[name] = [code >> 16, code >> 8 & 255, code & 255];
    colours[name].css = style.getPropertyValue(property).trim();
  }
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readColours();
  for (const repaint of repaints) repaint();
});
readColours();
