// Charts that can be touched: the values under the pointer or by the arrow keys, one cursor over the panels of a figure, and lines
// that the legend takes out. What is told is what the marks' own titles say, so that a chart without a script tells the same.

{
  function create(name, attributes = {}, text) {
    return fill(document.createElement(name), attributes, text);
  }

  function draw(name, attributes = {}) {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes);
  }

  function fill(element, attributes, text) {
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // The middle of a mark, in its drawing's units.
  function middle(mark) {
    const moved = /^translate\(([-\d.]+) ([-\d.]+)\)$/.exec(mark.getAttribute("transform"));
    if (moved) return [Number(moved[1]), Number(moved[2])];
    const box = mark.getBBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }

  // One drawing of a figure. A place is where its cursor can stand: with all lines that have a value there, or on a single mark.
  class Panel {
    constructor(group, drawing) {
      Object.assign(this, { group, drawing, places: null, here: null });
      this.hasLines = drawing.querySelector("[data-name]") !== null;
      const title = drawing.querySelector("title"), words = drawing.querySelector("desc");
      drawing.removeAttribute("aria-labelledby");
      fill(drawing, {
        role: "slider", tabindex: "0", "aria-label": title.textContent, "aria-describedby": words.id,
        "aria-valuemin": "0", "aria-valuemax": "1", "aria-valuenow": "0", "aria-valuetext": "Arrow keys tell the values.",
      });
      // A browser would show it beside the values.
      title.remove();
      drawing.addEventListener("pointermove", event => this.point(event));
      drawing.addEventListener("pointerdown", event => this.point(event));
      drawing.addEventListener("pointerleave", event => {
        if (event.pointerType !== "touch") group.show(document.activeElement === drawing ? this.here : null, this);
      });
      drawing.addEventListener("focus", () => {
        if (drawing.matches(":focus-visible")) this.step(0);
      });
      drawing.addEventListener("blur", () => group.show(null, this));
      drawing.addEventListener("keydown", event => {
        const far = this.seen().length;
        const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -far, End: far, Escape: null }[event.key];
        if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        if (by === null) group.show(null, this);
        else this.step(by);
      });
    }

    // Reads the marks when the chart is touched for the first time: a page has thousands.
    read() {
      if (this.places) return;
      const found = new Map();
      for (const mark of this.drawing.querySelectorAll(":scope :has(> title)")) {
        const line = mark.closest("[data-name]"), words = mark.querySelector("title"), [x, y] = middle(mark);
        const text = words.textContent.slice(line ? line.dataset.name.length + 2 : 0), cut = text.lastIndexOf(": ");
        if (cut < 0 || this.hasLines && !line) continue;
        words.remove();
        const name = text.slice(0, cut), key = this.hasLines ? name : found.size;
        if (!found.has(key)) found.set(key, { x, y, name, marks: [] });
        found.get(key).marks.push({ line, x, y, value: text.slice(cut + 2) });
      }
      this.places = [...found.values()];
      if (this.hasLines) this.places.sort((one, other) => one.x - other.x);
      const axis = /M([-\d.]+),([-\d.]+)H/.exec(this.drawing.querySelector(".axis")?.getAttribute("d"));
      this.bottom = axis ? Number(axis[2]) : 0;
      this.cursor = this.drawing.appendChild(draw("g", { class: "cursor" }));
      this.told = this.drawing.parentElement.appendChild(create("div", { class: "readout", "aria-hidden": "true" }));
    }

    // The places that have a value of a line that is shown.
    seen() {
      this.read();
      return this.places.filter(place => place.marks.some(mark => this.isShown(mark)));
    }

    isShown(mark) { return !mark.line || !this.group.hidden.has(mark.line.dataset.style); }

    point(event) {
      const box = this.drawing.getBoundingClientRect(), unit = this.drawing.viewBox.baseVal.width / box.width;
      const x = (event.clientX - box.left) * unit, y = (event.clientY - box.top) * unit;
      const distance = place => this.hasLines ? Math.abs(place.x - x) : Math.hypot(place.x - x, place.y - y);
      const places = this.seen();
      if (places.length === 0) return;
      this.group.show(places.reduce((best, place) => distance(place) < distance(best) ? place : best), this);
    }

    step(by) {
      const places = this.seen();
      if (places.length === 0) return;
      const now = places.indexOf(this.here);
      this.group.show(places[now < 0 ? (by < 0 ? places.length - 1 : 0) : Math.min(Math.max(now + by, 0), places.length - 1)], this);
    }

    // Shows what stands at a place, or nothing.
    show(place) {
      if (!place && !this.here) return;
      this.read();
      this.here = place;
      this.cursor.replaceChildren();
      this.told.replaceChildren();
      this.told.classList.toggle("shown", Boolean(place));
      if (!place) return;
      const marks = place.marks.filter(mark => this.isShown(mark));
      if (this.hasLines) this.cursor.append(draw("path", { d: `M${place.x},20V${this.bottom}` }));
      for (const { x, y } of marks) this.cursor.append(draw("circle", { cx: x, cy: y, r: this.hasLines ? 5 : 8 }));
      this.told.append(create("p", {}, place.name));
      for (const { line, value } of marks) {
        this.told.append(create("p", { class: line ? line.getAttribute("class") : "" }, (line ? line.dataset.name + " " : "") + value));
      }
      // Where the cursor is not.
      this.told.classList.toggle("ahead", place.x < this.drawing.viewBox.baseVal.width / 2);
      const places = this.seen(), words = this.told.childNodes;
      fill(this.drawing, {
        "aria-valuemax": Math.max(1, places.length - 1), "aria-valuenow": places.indexOf(place),
        "aria-valuetext": [...words].map(one => one.textContent).join(", "),
      });
    }
  }

  // A figure: panels that show one place together, and lines that are taken out of all of them.
  class Group {
    constructor(figure, drawings) {
      this.figure = figure;
      this.hidden = new Set();
      this.panels = drawings.map(drawing => new Panel(this, drawing));
      this.list();
    }

    // The same place in all panels that have lines there.
    show(place, from) {
      for (const panel of this.panels) {
        if (panel === from) panel.show(place);
        else if (!place || !panel.hasLines || !from.hasLines || !panel.drawing.checkVisibility()) panel.show(null);
        else panel.show(panel.seen().find(other => other.name === place.name));
      }
    }

    // Makes buttons of the legend; where there is none, a legend.
    list() {
      const lines = new Map();
      for (const line of this.figure.querySelectorAll("[data-name]")) {
        const { style, name } = line.dataset, known = lines.get(style);
        if (!known || name.length < known.dataset.name.length) lines.set(style, line);
      }
      if (lines.size < 2) return;
      let entries = [...this.figure.querySelectorAll(".legend li[data-style]")].filter(entry => lines.has(entry.dataset.style));
      if (entries.length === 0) {
        const legend = create("ul", { class: "legend made" });
        for (const [style, line] of lines) {
          const entry = create("li", { "data-style": style });
          entry.append(sample(line), create("span", {}, line.dataset.name));
          legend.append(entry);
        }
        this.figure.querySelector(".side").append(legend);
        entries = [...legend.children];
      }
      for (const entry of entries) {
        const button = create("button", { type: "button", "aria-pressed": "true" });
        button.append(...entry.childNodes);
        entry.append(button);
        button.addEventListener("click", () => this.toggle(entry.dataset.style, button));
      }
    }

    toggle(style, button) {
      const hides = !this.hidden.delete(style);
      if (hides) this.hidden.add(style);
      button.setAttribute("aria-pressed", String(!hides));
      for (const part of this.figure.querySelectorAll(`svg [data-style="${style}"]`)) part.classList.toggle("off", hides);
      for (const panel of this.panels) panel.show(null);
    }
  }

  // A short stretch of a line with its marker.
  function sample(line) {
    const drawing = draw("svg", { class: "sample " + line.getAttribute("class"), viewBox: "0 0 34 12", "aria-hidden": "true" });
    const dashes = line.querySelector(".line")?.getAttribute("stroke-dasharray"), marker = line.querySelector(".marker");
    if (dashes) drawing.append(draw("path", { class: "line", d: "M1,6H33", "stroke-dasharray": dashes }));
    if (marker) drawing.append(draw("path", { class: marker.getAttribute("class"), d: marker.getAttribute("d"), transform: "translate(17 6)" }));
    return drawing;
  }

  const groups = [...document.querySelectorAll("figure:has(.plate)")].map(figure => {
    const drawings = [...figure.querySelectorAll(".plate svg.chart")].filter(drawing => drawing.querySelector(":scope :not(svg) > title"));
    return new Group(figure, drawings);
  });
  // A finger leaves no chart; what it showed goes where it comes down next.
  document.addEventListener("pointerdown", event => {
    for (const group of groups) {
      if (!group.figure.contains(event.target)) for (const panel of group.panels) panel.show(null);
    }
  });
  document.documentElement.classList.add("live");
}
