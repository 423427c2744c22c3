// Part 2: dots on a line.

{
  const drawing = find("dots-drawing");
  makeOperable(drawing);
  let view = null;

  function measure() {
    const { x, beta, gamma } = state.channel;
    const least = Math.min(...x), most = Math.max(...x);
    const room = most > least ? (most - least) * 0.4 : 1;
    const reach = Math.max(Math.abs(gamma), 1e-9) * (Math.sqrt(x.length - 1) + 0.2);
    const [lower, upper] = [least - room, most + room];
    view = {
      lower, upper,
      x: value => 20 + 320 * (value - lower) / (upper - lower),
      y: value => 20 + 320 * (value - beta + reach) / (2 * reach),
    };
  }

  // How far dots are raised so that they do not hide each other.
  function lifts(places) {
    return places.map((place, index) => 19 * places.slice(0, index).filter(other => Math.abs(other - place) < 18).length);
  }

  function spread(place, middle, deviation, height) {
    const ends = [place(middle - Math.abs(deviation)), place(middle + Math.abs(deviation))];
    return line([[ends[0], height], [ends[1], height]]) + `M${place(middle).toFixed(2)},${height - 5}v10`;
  }

  // As many dots and lines as there are rows.
  function populate(cssClass, count) {
    const found = [...drawing.querySelectorAll("." + cssClass)];
    for (const extra of found.slice(count)) extra.remove();
    for (let row = found.length; row < count; row += 1) {
      const copy = found[0].cloneNode(true);
      copy.dataset.row = row;
      const name = copy.querySelector("text");
      if (name) name.textContent = row + 1;
      [...drawing.querySelectorAll("." + cssClass)].at(-1).after(copy);
      if (cssClass === "handle") attend(copy);
    }
    return [...drawing.querySelectorAll("." + cssClass)];
  }

  function move(row, value) {
    const channel = copied(state.channel);
    // To a tenth of the step of the arrow keys, so that texts stay short.
    const unit = step() / 10;
    channel.x[row] = Number((Math.round(clamp(value, view.lower, view.upper) / unit) * unit).toPrecision(12));
    if (change(channel)) tell(row);
  }

  // The step of the arrow keys: a power of ten near a fiftieth of the line.
  function step() { return 10 ** Math.round(Math.log10((view.upper - view.lower) / 100)); }

  function tell(row) {
    const { x, y, mu, s } = state.values;
    write("dots-outcome",
      `Row ${row + 1} is now ${numberText(x[row])}: the average is ${numberText(mu)} and the deviation ${numberText(s)}. `
      + `The outputs are ${numberTexts(y).join(", ")}.`);
  }

  function attend(handle) {
    const row = Number(handle.dataset.row);
    handle.setAttribute("role", "slider");
    handle.setAttribute("tabindex", "0");
    handle.setAttribute("aria-label", `x in row ${row + 1}`);
    let offset = 0;
    drag(handle,
      event => { offset = view.x(state.channel.x[row]) - pointIn(drawing, event).x; handle.focus(); },
      event => {
        const place = pointIn(drawing, event).x + offset;
        move(row, view.lower + (place - 20) / 320 * (view.upper - view.lower));
      });
    handle.addEventListener("keydown", event => {
      const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      const value = steps ? state.channel.x[row] + steps * step()
        : event.key === "Home" ? view.lower : event.key === "End" ? view.upper : NaN;
      if (Number.isNaN(value)) return;
      event.preventDefault();
      move(row, value);
    });
  }

  for (const handle of drawing.querySelectorAll(".handle")) attend(handle);

  press("dots-reset", () => {
    change(copied(start.channels[0]), start.epsilon, true);
    write("dots-outcome", "The batch is as it was.");
  });

  watch(isNew => {
    if (isNew || view === null) measure();
    const { x, y, mu, s } = state.values, { gamma, beta } = state.channel;
    const ins = x.map(view.x), outs = y.map(view.y), raised = lifts(ins), raisedOuts = lifts(outs);
    populate("strand", x.length).forEach((strand, row) => strand.setAttribute("d", line([[ins[row], 92], [outs[row], 252]])));
    populate("handle", x.length).forEach((handle, row) => {
      handle.setAttribute("transform", `translate(${ins[row].toFixed(2)} ${92 - raised[row]})`);
      handle.setAttribute("aria-valuemin", numberText(view.lower).replaceAll("−", "-"));
      handle.setAttribute("aria-valuemax", numberText(view.upper).replaceAll("−", "-"));
      handle.setAttribute("aria-valuenow", x[row]);
      handle.setAttribute("aria-valuetext", `${numberText(x[row])}, comes out as ${numberText(y[row])}`);
    });
    populate("result", x.length).forEach((dot, row) =>
      dot.setAttribute("transform", `translate(${outs[row].toFixed(2)} ${252 - raisedOuts[row]})`));
    find("dots-spread").setAttribute("d", spread(view.x, mu, s, 100));
    find("dots-target").setAttribute("d", spread(view.y, beta, gamma, 260));
    place("dots-mean", view.x(mu), "average " + numberText(mu));
    place("dots-beta", view.y(beta), "average " + numberText(beta));
  });

  function place(identifier, x, text) {
    find(identifier).setAttribute("x", clamp(x, 60, 300).toFixed(2));
    write(identifier, text);
  }
}
