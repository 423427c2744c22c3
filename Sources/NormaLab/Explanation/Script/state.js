// The batch that parts 2 to 6 show, how what is operated stands, and the address that holds both.

// What the page was written with.
const start = JSON.parse(document.getElementById("data").textContent);

const state = { channel: null, epsilon: 0, values: null };
const watchers = [];

function copied(channel) { return { ...channel, x: [...channel.x], gradient: [...channel.gradient] }; }

// Parts that show the batch are called when it changes; `isNew` where it is another batch rather than a value moved.
function watch(watcher) { watchers.push(watcher); }

function show(channel, epsilon, isNew) {
  state.channel = channel;
  state.epsilon = epsilon;
  state.values = walk(channel, epsilon);
  for (const watcher of watchers) watcher(isNew);
}

// Whether all that follows from numbers is a number: with epsilon 0 a constant channel is divided by 0.
function isSound(channel, epsilon) {
  return Object.values(walk(channel, epsilon)).flat().every(Number.isFinite);
}

// Shows a batch, if it has values, and writes the address anew.
function change(channel, epsilon = state.epsilon, isNew = false) {
  if (!isSound(channel, epsilon)) return false;
  show(channel, epsilon, isNew);
  rememberSoon();
  return true;
}

function address() {
  const { x, gradient, gamma, beta } = state.channel;
  return `#x=${x.join(",")}&dy=${gradient.join(",")}&gamma=${gamma}&beta=${beta}&epsilon=${state.epsilon}`
    + settings.filter(isMoved).map(setting => `&${setting.id}=${standing(setting)}`).join("");
}

// Sliders, lists and boxes of all parts: the address holds those that do not stand as the page was written.
const settings = [...document.querySelectorAll("input[type=range][id], input[type=checkbox][id], select[id]")];

function standing(setting) { return setting.type === "checkbox" ? String(setting.checked) : setting.value; }

function written(setting) {
  if (setting.type === "checkbox") return String(setting.defaultChecked);
  if (setting.type === "range") return setting.defaultValue;
  return ([...setting.options].find(option => option.defaultSelected) ?? setting.options[0]).value;
}

function isMoved(setting) { return standing(setting) !== written(setting); }

// Moves what is operated to where the address has it; without `isSilent` those who listen are told.
function moveSettings(isSilent) {
  const fields = addressFields();
  for (const setting of settings) {
    const wanted = fields.get(setting.id) ?? written(setting);
    if (wanted === standing(setting)) continue;
    if (setting.type === "checkbox") setting.checked = wanted === "true";
    else if (setting.type === "range" ? wanted !== "" && Number.isFinite(Number(wanted))
      : [...setting.options].some(option => option.value === wanted)) setting.value = wanted;
    else continue;
    if (!isSilent) setting.dispatchEvent(new Event(setting.type === "range" ? "input" : "change"));
  }
}

for (const setting of settings) for (const kind of ["input", "change"]) setting.addEventListener(kind, rememberSoon);

// Browsers allow few changes of the address in a short time.
let remembering = 0;
function rememberSoon() {
  clearTimeout(remembering);
  remembering = setTimeout(() => history.replaceState(null, "", address()), 150);
}

// The numbers that a text lists; null if it is none.
function parsed(text) {
  const numbers = text.split(",").map(readNumber);
  return numbers.some(Number.isNaN) ? null : numbers;
}

// A number as people write it, with a minus sign of either kind.
function readNumber(text) {
  const plain = text.trim().replaceAll("−", "-");
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}

// What the address says, by names.
function addressFields() {
  return new Map(location.hash.slice(1).split("&").map(part => part.split("=")).filter(part => part.length === 2));
}

// The batch that the address holds; null where it holds none that can be shown.
function addressed() {
  const fields = addressFields();
  const read = name => parsed(decodeURIComponent(fields.get(name) ?? ""));
  try {
    const [x, gradient, gamma, beta, epsilon] = ["x", "dy", "gamma", "beta", "epsilon"].map(read);
    if (!x || !gradient || !gamma || !beta || !epsilon) return null;
    if (x.length !== gradient.length || x.length < 2 || x.length > start.maximumRows || epsilon[0] < 0) return null;
    const channel = { x, gradient, gamma: gamma[0], beta: beta[0] };
    return isSound(channel, epsilon[0]) ? { channel, epsilon: epsilon[0] } : null;
  } catch {
    return null;  // No such address was written here.
  }
}

addEventListener("hashchange", () => {
  const found = addressed();
  if (!found || address() === location.hash) return;
  show(found.channel, found.epsilon, true);
  moveSettings(false);
});

// Before the parts begin, which read where their sliders and lists stand.
if (addressed()) moveSettings(true);

// Writes the values of the batch where the page shows them, with all their digits beside it.
watch(() => {
  for (const element of document.querySelectorAll("[data-shows]")) {
    const value = state.values[element.dataset.shows];
    const row = Array.isArray(value) ? Number(element.dataset.row) : 0;
    const text = numberTexts([value].flat())[row];
    if (element.textContent !== text) element.textContent = text;
    element.dataset.exact = [value].flat()[row];
  }
});
