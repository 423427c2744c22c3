// Part 4: the graph, step by step, beside the Swift that computes it.

{
  const drawing = find("steps-drawing"), code = find("steps-code");
  makeOperable(drawing);
  const forward = ["mu", "c", "q", "v", "u", "s", "r", "xhat", "t", "y"];
  const backward = ["y", "t", "beta", "xhat", "gamma", "r", "s", "u", "v", "q", "c", "mu", "x"];
  // What is known from which step on: values of the forward pass, then gradients.
  const last = forward.length + backward.length;
  const valueStep = Object.fromEntries(["x", "gamma", "beta"].map(name => [name, 0])
    .concat(forward.map((name, index) => [name, index + 1])));
  const gradientStep = Object.fromEntries(backward.map((name, index) => [name, forward.length + 1 + index]));
  // The gradients that are sums of two parts.
  const sums = { c: ["dcFromXhat", "dcFromQ"], x: ["dxFromC", "dxFromMu"] };
  const lines = [...code.querySelectorAll("[data-line]")];
  const nodes = new Map([...drawing.querySelectorAll(".node")].map(node => [node.dataset.node, node]));
  let step = last, chosen = "c", hovered = null;

  const scrub = slider("steps-scrub", value => `${value} of ${last}`, value => { pause(); go(value); });
  scrub.upper = last;
  const rows = choice("steps-row", () => { draw(); tellStep(); });
  function row() { return Number(rows.value); }

  // The node that a line computes the value or the gradient of.
  function nodeOf(name) { return nodes.has(name) ? name : name.slice(1); }

  function nameOf(node) { return nodes.get(node).querySelector(".node-name").textContent; }

  function texts(name) { return numberTexts([state.values[name]].flat()); }
  function textOf(name) { const all = texts(name); return all.length > 1 ? all[row()] : all[0]; }

  // The node whose turn it is at a step, and whether it is given its gradient.
  function turn(step) {
    if (step === 0) return null;
    return step <= forward.length
      ? { node: forward[step - 1], line: forward[step - 1] }
      : { node: backward[step - forward.length - 1], line: "d" + backward[step - forward.length - 1] };
  }

  function go(value) {
    step = clamp(value, 0, last);
    scrub.value = step;
    const now = turn(step);
    if (now) chosen = now.node;
    draw();
    tellStep();
  }

  // What the step found, in words.
  function tellStep() {
    const now = turn(step);
    if (!now) return write("steps-outcome", "Only x, γ and β are there.");
    write("steps-outcome", step > forward.length
      ? `Backward: ${start.names[now.node]} gets its gradient, ${textOf(now.line)}${sumText(now.node)}.`
      : `Forward: ${nameOf(now.node)} is ${textOf(now.node)}.`);
  }

  function sumText(node) {
    return sums[node] ? ", the sum of what comes back both ways: " + equations(node)[row()] : "";
  }

  function equations(node) {
    const names = ["d" + node, ...sums[node]], { values } = state;
    const all = numberTexts(values.x.flatMap((_, row) => names.map(name => values[name][row])));
    return values.x.map((_, row) => equation(all.slice(row * names.length, (row + 1) * names.length)));
  }

  function draw() {
    const focus = hovered ?? chosen, now = turn(step);
    for (const [name, node] of nodes) {
      const hasValue = step >= valueStep[name], hasGradient = step >= gradientStep[name];
      node.querySelector(".node-value").textContent = hasValue ? textOf(name) : "";
      node.querySelector(".node-gradient").textContent = hasGradient ? textOf("d" + name) : "";
      node.classList.toggle("later", !hasValue);
      node.classList.toggle("chosen", name === focus);
      node.classList.toggle("now", now !== null && step < last && now.node === name);
      node.setAttribute("aria-pressed", name === chosen);
      node.setAttribute("aria-label", nameOf(name)
        + (hasValue ? `, value ${textOf(name)}` : "") + (hasGradient ? `, gradient ${textOf("d" + name)}` : ""));
    }
    for (const edge of drawing.querySelectorAll(".edge")) {
      edge.classList.toggle("later", step < valueStep[edge.dataset.to]);
      edge.classList.toggle("back", step > forward.length && step >= gradientStep[edge.dataset.to]);
      edge.classList.toggle("chosen", edge.dataset.to === focus || edge.dataset.from === focus);
    }
    for (const label of drawing.querySelectorAll(".part-label")) {
      label.textContent = step >= gradientStep[label.dataset.from] ? textOf(label.dataset.part) : "";
    }
    for (const element of lines) {
      const name = element.dataset.line;
      element.classList.toggle("chosen", nodeOf(name) === focus);
      element.classList.toggle("now", now !== null && now.line === name);
    }
    tell(focus);
  }

  function tell(name) {
    write("steps-name", nameOf(name));
    write("steps-value", step >= valueStep[name] ? texts(name).join(",  ") : "not yet");
    write("steps-gradient", step >= gradientStep[name] ? texts("d" + name).join(",  ") : "not yet");
    write("steps-rule", start.rules[name] || "nothing: it is given");
    const list = find("steps-sums");
    const found = sums[name] && step >= gradientStep[name] ? equations(name) : [];
    list.hidden = found.length === 0;
    list.replaceChildren(...found.map(text => {
      const item = document.createElement("li");
      item.textContent = text;
      return item;
    }));
  }

  // A node and its lines are shown together, whichever of them is pointed at, chosen or reached by the keyboard.
  function link(element, name) {
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "button");
    element.addEventListener("pointerenter", () => { hovered = name; draw(); });
    element.addEventListener("pointerleave", () => { hovered = null; draw(); });
    element.addEventListener("focus", () => { hovered = name; draw(); });
    element.addEventListener("blur", () => { hovered = null; draw(); });
    const choose = () => { chosen = name; draw(); };
    element.addEventListener("click", choose);
    element.addEventListener("keydown", event => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    });
  }
  for (const [name, node] of nodes) link(node, name);
  for (const element of lines) link(element, nodeOf(element.dataset.line));

  // A step each 0.9 seconds, where it is seen.
  let previous = 0;
  const motion = new Motion(find("steps"), () => {
    const time = performance.now();
    if (time - previous < 900) return true;
    previous = time;
    go(step + 1);
    if (step < last) return true;
    write("steps-play", "Play");
    return false;
  });
  function pause() {
    motion.stop();
    write("steps-play", "Play");
  }
  press("steps-play", () => {
    if (motion.isWanted) return pause();
    if (step === last) go(0);
    previous = performance.now();
    write("steps-play", "Pause");
    motion.start();
  });
  press("steps-back", () => { pause(); go(step - 1); });
  press("steps-next", () => { pause(); go(step + 1); });

  watch(() => {
    listRows(rows, state.channel.x.length, row => String(row + 1));
    // The address may have another step.
    if (scrub.value === step) draw();
    else go(scrub.value);
  });
}
