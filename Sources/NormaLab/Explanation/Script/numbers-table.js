// Part 3: the batch as numbers that can be changed.

{
  const table = find("numbers-table"), body = table.tBodies[0];
  const presets = {
    outlier: [{ x: [1, 2, 3, 2, 40], gamma: 1, beta: 0, gradient: [1, 0, 0, 0, 0] }, 1e-5,
      "One value far out: it takes nearly all of the deviation, and the others, which differ, come out nearly alike."],
    constant: [{ x: [3, 3, 3, 3], gamma: 2, beta: 1, gradient: [1, 0, 0, 0] }, 1e-5,
      "All values the same: every output is β, and s is √ε alone. Without ε it would be 0 divided by 0. The gradients are huge, since any difference would be stretched by 1/s."],
    two: [{ x: [1, 9], gamma: 1, beta: 0, gradient: [1, 0] }, 1e-5,
      "Two rows: one always becomes −1 and the other 1, whatever they were. All that is left is which is larger, so almost no gradient comes through."],
    large: [{ x: [10001, 10002, 10003, 10006], gamma: 1, beta: 0, gradient: [1, 0, 0, 0] }, 1e-5,
      "A large mean: the outputs are those of 1, 2, 3, 6. Whoever computes the variance as the mean of x² less the square of the mean loses nearly all digits here; distances from the mean lose none."],
  };

  function field(name, row) { return document.querySelector(`[data-field="${name}"][data-row="${row}"]`); }

  function fill(input, value) {
    const text = String(value);
    if (document.activeElement !== input && input.value !== text) input.value = text;
  }

  function attend(input) {
    input.readOnly = false;
    input.addEventListener("input", () => read(input));
    input.addEventListener("change", () => {
      if (!read(input)) { input.removeAttribute("aria-invalid"); refresh(); }
    });
  }

  // Takes a number over from a field, if it is one that can be computed with.
  function read(input) {
    const { field: name, row } = input.dataset, value = readNumber(input.value);
    const channel = copied(state.channel);
    let epsilon = state.epsilon;
    if (name === "epsilon") epsilon = value;
    else if (Array.isArray(channel[name])) channel[name][Number(row)] = value;
    else channel[name] = value;
    const problem = Number.isNaN(value) ? `“${input.value}” is not a number.`
      : epsilon < 0 ? "ε is a number from 0 on."
      : !isSound(channel, epsilon) ? "With these numbers something is divided by 0, or is too large." : null;
    if (problem) {
      input.setAttribute("aria-invalid", "true");
      write("numbers-outcome", problem);
      return false;
    }
    input.removeAttribute("aria-invalid");
    change(channel, epsilon, true);
    write("numbers-outcome", `${input.getAttribute("aria-label")} is ${numberText(value)}. The gradients of x are `
      + `${numberTexts(state.values.dx).join(", ")}.`);
    return true;
  }

  function refresh() {
    const { x, gradient, gamma, beta } = state.channel;
    while (body.rows.length > x.length) body.rows[body.rows.length - 1].remove();
    while (body.rows.length < x.length) {
      const row = body.rows[0].cloneNode(true), index = body.rows.length;
      row.cells[0].textContent = index + 1;
      for (const element of row.querySelectorAll("[data-row]")) element.dataset.row = index;
      for (const input of row.querySelectorAll("input")) {
        input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, index + 1));
        attend(input);
      }
      body.append(row);
    }
    x.forEach((value, row) => { fill(field("x", row), value); fill(field("gradient", row), gradient[row]); });
    for (const [name, value] of [["gamma", gamma], ["beta", beta], ["epsilon", state.epsilon]]) fill(field(name, 0), value);
    find("add-row").disabled = x.length >= start.maximumRows;
    find("remove-row").disabled = x.length <= 2;
  }

  for (const input of document.querySelectorAll("[data-field]")) attend(input);

  start.channels.forEach((channel, index) => press(`preset-channel-${index}`, () => {
    change(copied(channel), start.epsilon, true);
    write("numbers-outcome", "The batch that the page opened with.");
  }));
  for (const [name, [channel, epsilon, words]] of Object.entries(presets)) {
    press("preset-" + name, () => { change(copied(channel), epsilon, true); write("numbers-outcome", words); });
  }
  press("add-row", () => resize(channel => { channel.x.push(channel.x.at(-1) + 1); channel.gradient.push(0); }));
  press("remove-row", () => resize(channel => { channel.x.pop(); channel.gradient.pop(); }));

  function resize(act) {
    const channel = copied(state.channel);
    act(channel);
    if (change(channel, state.epsilon, true)) write("numbers-outcome", `The batch has ${channel.x.length} rows.`);
    else write("numbers-outcome", "Without that row all values are the same, and with ε = 0 that would divide by 0.");
  }

  // Before the values are written, so that they find their cells.
  watchers.unshift(refresh);
}
