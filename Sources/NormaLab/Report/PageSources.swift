// Made by Utils/embed-scripts: do not edit.
// swift-format-ignore-file

/// The parts of the pages' scripts by their files' names in the folders `Script`, and the lines of ``StagedSteps`` that a page shows.
package enum PageSources {
  package static let parts: [String: String] = [
"batch-means": #"""
// Part 8: the means of batches.

{
  const batchCount = 2000, binCount = 60;
  let seed = 1;
  const size = slider("means-size", value => String(2 ** value), draw);
  press("means-again", () => { seed += 1; draw(); });

  function draw() {
    const count = 2 ** size.value, random = new RandomNumbers(1000 * seed + size.value);
    const means = Array.from({ length: batchCount }, () => {
      let total = 0;
      for (let row = 0; row < count; row += 1) total += random.normal();
      return total / count;
    });
    const counts = new Array(binCount).fill(0);
    for (const mean of means) {
      const bin = Math.floor((mean + 1.5) / 3 * binCount);
      if (bin >= 0 && bin < binCount) counts[bin] += 1;
    }
    const scale = 130 / Math.max(1, ...counts), width = 320 / binCount;
    find("means-bars").setAttribute("d", counts.map((count, bin) => count === 0 ? ""
      : `M${(20 + width * bin).toFixed(2)},150v${(-scale * count).toFixed(2)}h${(width * 0.9).toFixed(2)}v${(scale * count).toFixed(2)}z`
    ).join(""));
    const rule = 1 / Math.sqrt(count), peak = batchCount * 3 / binCount / (rule * Math.sqrt(2 * Math.PI));
    find("means-curve").setAttribute("d", line(Array.from({ length: 121 }, (_, place) => {
      const value = place / 40 - 1.5, height = peak * Math.exp(-value * value / (2 * rule * rule));
      return [20 + 320 / 3 * (value + 1.5), 150 - Math.min(148, scale * height)];
    })));
    [...find("means-seen").children].forEach((dot, index) =>
      dot.setAttribute("cx", (180 + 320 / 3 * clamp(1 - means[index], -1.6, 1.6)).toFixed(2)));
    const deviation = Math.sqrt(sum(means.map(mean => mean * mean)) / batchCount);
    write("means-deviation", numberText(deviation));
    write("means-rule", numberText(rule));
    write("means-outcome", `${count === 1 ? "Batches of one example" : `Batches of ${count}`}: their means are typically `
      + `${numberText(deviation)} away from 0, and the rule says ${numberText(rule)}.`);
  }
}

"""#,
"batch-normalization": #"""
// Batch normalization of one channel, forward and backward: the operations of Norma's graph in the same order, so that every
// digit is the same.

function sum(numbers) {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}

// Every node's value and gradient, and what the gradient is a sum of. `channel` is { x, gamma, beta, gradient }.
function walk(channel, epsilon) {
  const { x, gamma, beta, gradient } = channel;
  const count = x.length, share = 1 / count;

  const mu = share * sum(x);
  const c = x.map(value => value - mu);
  const q = c.map(value => value * value);
  const v = share * sum(q);
  const u = v + epsilon;
  const s = Math.sqrt(u);
  const r = 1 / s;
  const xhat = c.map(value => value * r);
  const t = xhat.map(value => value * gamma);
  const y = t.map(value => value + beta);

  const dy = gradient, dt = dy;
  const dbeta = sum(dy);
  const dxhat = dt.map(value => value * gamma);
  const dgamma = sum(dt.map((value, row) => value * xhat[row]));
  const dr = sum(dxhat.map((value, row) => value * c[row]));
  const ds = -(dr * (r * r));
  const du = ds / (2 * s);
  const dv = du;
  const dq = x.map(() => share * dv);
  const dcFromXhat = dxhat.map(value => value * r);
  const dcFromQ = c.map((value, row) => 2 * (dq[row] * value));
  const dc = dcFromXhat.map((value, row) => value + dcFromQ[row]);
  const dmu = -sum(dc);
  const dxFromC = dc;
  const dxFromMu = x.map(() => share * dmu);
  const dx = dxFromC.map((value, row) => value + dxFromMu[row]);

  return {
    x, gamma, beta, mu, c, q, v, u, s, r, xhat, t, y,
    dx, dgamma, dbeta, dmu, dc, dq, dv, du, ds, dr, dxhat, dt, dy,
    dcFromXhat, dcFromQ, dxFromC, dxFromMu,
  };
}

// The gradient of x in closed form, by what it takes away: first the mean of the gradient, then its part along x̂.
function closedForm(channel, values) {
  const { gamma, gradient } = channel, { xhat, s } = values;
  const count = gradient.length;
  const mean = sum(gradient) / count;
  const along = sum(gradient.map((value, row) => value * xhat[row])) / count;
  const centred = gradient.map(value => value - mean);
  const rest = centred.map((value, row) => value - xhat[row] * along);
  const dx = rest.map(value => value * (gamma / s));
  return { mean, along, meanPart: gradient.map(() => mean), alongPart: xhat.map(value => value * along), centred, rest, dx };
}

// Running statistics after a batch that weighs `momentum`; the batch's variance is the unbiased one.
function updated(running, batch, momentum) {
  const keep = 1 - momentum;
  return {
    mean: keep * running.mean + momentum * batch.mean,
    variance: keep * running.variance + momentum * batch.variance,
  };
}

"""#,
"begin": #"""
// Shows the batch of the address, or that of the page, and what is operated as the address has it.

{
  const found = addressed();
  show(found ? found.channel : copied(start.channels[0]), found ? found.epsilon : start.epsilon, true);
  // Lists of rows are as long as the batch now, and the steps know how many they are.
  if (found) moveSettings(false);
  root.classList.add("live");
}

"""#,
"block": #"""
// Part 11: which numbers of a batch of images share a mean.

{
  const drawing = find("block-drawing"), cells = [...find("block-cells").children], side = 4, pitch = 0.5;
  const kinds = {
    batch: {
      over: "examples and places", share: 16, count: 4, needs: "yes", holds: (cell, chosen) => cell[1] === chosen[1],
      words: chosen => `Batch normalization: channel ${chosen[1] + 1} of all examples, at all places, shares one mean.`,
    },
    layer: {
      over: "channels and places", share: 16, count: 4, needs: "no", holds: (cell, chosen) => cell[0] === chosen[0],
      words: chosen => `Layer normalization: all channels of example ${chosen[0] + 1}, at all places, share one mean.`,
    },
    group: {
      over: "two channels and places", share: 8, count: 8, needs: "no",
      holds: (cell, chosen) => cell[0] === chosen[0] && cell[1] >> 1 === chosen[1] >> 1,
      words: chosen => `Group normalization: channels ${(chosen[1] >> 1) * 2 + 1} and ${(chosen[1] >> 1) * 2 + 2} of example `
        + `${chosen[0] + 1} share one mean.`,
    },
    instance: {
      over: "places", share: 4, count: 16, needs: "no", holds: (cell, chosen) => cell[0] === chosen[0] && cell[1] === chosen[1],
      words: chosen => `Instance normalization: channel ${chosen[1] + 1} of example ${chosen[0] + 1} has a mean of its own.`,
    },
  };
  const kind = choice("block-kind", draw);
  const example = slider("block-example", String, draw), channel = slider("block-channel", String, draw);
  const turn = slider("block-turn", value => value + "°", draw);

  function draw() {
    const yaw = turn.value * Math.PI / 180, chosen = [example.value - 1, channel.value - 1], now = kinds[kind.value];
    const point = corner => {
      const [x, z, y] = corner.map(value => value - side / 2);
      const across = x * Math.cos(yaw) - z * Math.sin(yaw), depth = x * Math.sin(yaw) + z * Math.cos(yaw);
      return [180 + 44 * across, 165 - 44 * (y * Math.cos(pitch) - depth * Math.sin(pitch))];
    };
    const seesUpper = [Math.sin(yaw) > 0, Math.cos(yaw) > 0, true];
    cells.forEach((element, index) => {
      const axis = Math.floor(index / (side * side)), first = (axis + 1) % 3, second = (axis + 2) % 3;
      const cell = [0, 0, 0], inSide = index % (side * side);
      cell[axis] = seesUpper[axis] ? side - 1 : 0;
      cell[first] = Math.floor(inSide / side);
      cell[second] = inSide % side;
      const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([across, along]) => {
        const corner = [0, 0, 0];
        corner[axis] = seesUpper[axis] ? side : 0;
        corner[first] = cell[first] + across;
        corner[second] = cell[second] + along;
        return point(corner);
      });
      element.setAttribute("d", line(corners) + "z");
      element.classList.toggle("marked", now.holds(cell, chosen));
    });
    const [ex, ch] = seesUpper.map(upper => upper ? side : 0), out = index => seesUpper[index] ? 1 : -1;
    place("block-examples", point([side / 2, ch + 0.5 * out(1), -0.2]));
    place("block-channels", point([ex + 0.5 * out(0), side / 2, -0.2]));
    // Away from the block, whose edge it stands beside.
    const [x, y] = point([seesUpper[0] ? -0.5 : 4.5, ch + 0.3 * out(1), side / 2]);
    place("block-places", [x + (x < 180 ? -14 : 14), y]);
    write("block-over", now.over);
    write("block-share", String(now.share));
    write("block-count", String(now.count));
    write("block-needs", now.needs);
    write("block-outcome", now.words(chosen));
  }

  function place(identifier, [x, y]) {
    find(identifier).setAttribute("x", clamp(x, 20, 340).toFixed(2));
    find(identifier).setAttribute("y", Math.min(314, y + 4).toFixed(2));
  }

  let from = 0;
  drag(drawing,
    event => { from = turn.value - pointIn(drawing, event).x; },
    event => { turn.value = ((Math.round((from + pointIn(drawing, event).x) / 5) * 5) % 360 + 360) % 360; draw(); });
  draw();
}

"""#,
"closed-form": #"""
// Part 6: what the closed form takes away.

{
  function bars(index, numbers, others) {
    const left = index % 2 === 0 ? 4 : 192, middle = (index < 2 ? 0 : 150) + 82;
    const largest = Math.max(1e-300, ...[...numbers, ...others].map(Math.abs)), room = 164 / numbers.length;
    const path = numbers => numbers.map((number, row) => {
      const height = 56 * number / largest;
      return `M${(left + room * (row + 0.15)).toFixed(2)},${middle}v${(-height).toFixed(2)}`
        + `h${(0.7 * room).toFixed(2)}v${height.toFixed(2)}z`;
    }).join("");
    find("closed-bars-" + index).setAttribute("d", path(numbers));
    find("closed-away-" + index).setAttribute("d", path(others));
  }

  // What is nothing but the rounding of larger numbers is drawn as 0.
  function cleared(numbers, from) {
    const largest = Math.max(...from.map(Math.abs));
    return numbers.map(number => Math.abs(number) < 1e-9 * largest ? 0 : number);
  }

  watch(() => {
    const { channel, values } = state, form = closedForm(channel, values);
    const { gradient } = channel, factor = channel.gamma / values.s;
    const rest = cleared(form.rest, gradient), scale = gradient.map(value => value * factor);
    bars(0, gradient, form.meanPart);
    bars(1, cleared(form.centred, gradient), form.alongPart);
    bars(2, rest, []);
    bars(3, cleared(form.dx, scale), []);
    write("closed-mean", numberText(form.mean));
    write("closed-along", numberText(form.along));
    write("closed-factor", numberText(factor));
    write("closed-result", numberTexts(form.dx).join(",  "));
  });

  function set(gradient, words) {
    const channel = copied(state.channel);
    channel.gradient = gradient;
    change(channel);
    write("closed-outcome", `${words} ∂x is ${numberTexts(state.values.dx).join(", ")}.`);
  }
  press("closed-same", () => set(state.channel.x.map(() => 1),
    "A gradient that is the same in all rows is all mean: nothing is left but rounding."));
  press("closed-along-button", () => set([...state.values.xhat],
    "A gradient along x̂ asks for a stretch, which is undone: nothing is left but what ε lets through."));
  press("closed-one", () => set(state.channel.x.map((_, row) => row === 0 ? 1 : 0), "One row alone asks, and all rows get an answer."));
  press("closed-mixed", () => set(state.channel.x.map((_, row) => [1, -2, 0.5, 1.5][row % 4]), "Most of it is left."));
}

"""#,
"dots": #"""
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

"""#,
"learners": #"""
// What a network answers at every place of the square, painted a few rows at a time, and its points.

class Surface {
  constructor(identifier, trainer) {
    const canvas = find(identifier + "-surface");
    this.context = canvas.getContext("2d");
    this.side = canvas.width;
    this.image = this.context.createImageData(this.side, this.side);
    this.places = new Float64Array(2 * this.side);
    this.dots = find(identifier + "-dots");
    this.row = 0;
    this.trainer = trainer;
  }

  // Computes the next row; after the last one the picture is shown. Each is of one state of the network, near enough.
  advance() {
    const { side, places, image } = this, { network } = this.trainer;
    for (let column = 0; column < side; column += 1) {
      places[2 * column] = 2 * (column + 0.5) / side - 1;
      places[2 * column + 1] = 1 - 2 * (this.row + 0.5) / side;
    }
    network.forward(places, side, false);
    for (let column = 0; column < side; column += 1) {
      const share = sigmoid(network.logits[column]), place = 4 * (this.row * side + column);
      const colour = share < 0.5 ? colours.first : colours.second;
      const strength = 0.75 * Math.abs(2 * share - 1);
      for (let part = 0; part < 3; part += 1) {
        image.data[place + part] = colours.background[part] + strength * (colour[part] - colours.background[part]);
      }
      image.data[place + 3] = 255;
    }
    this.row += 1;
    if (this.row < side) return;
    this.row = 0;
    this.context.putImageData(image, 0, 0);
  }

  // The whole picture at once.
  paint() {
    this.row = 0;
    do this.advance(); while (this.row > 0);
  }

  paintDots() {
    const { dots } = this, { points, labels, count } = this.trainer.data;
    const unit = fit(dots), context = dots.getContext("2d"), half = dots.width / 2;
    context.clearRect(0, 0, dots.width, dots.height);
    context.lineWidth = unit;
    context.strokeStyle = colours.background.css;
    for (let row = 0; row < count; row += 1) {
      context.fillStyle = labels[row] === 0 ? colours.first.css : colours.second.css;
      context.beginPath();
      context.arc(half * (1 + points[2 * row]), half * (1 - points[2 * row + 1]), 3.5 * unit, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
}

// Gives a canvas as many pixels as the screen has for it, and says how many make a unit of the page.
function fit(canvas) {
  const unit = devicePixelRatio, { clientWidth, clientHeight } = canvas;
  const width = Math.round(unit * clientWidth), height = Math.round(unit * clientHeight);
  if (width > 0 && (canvas.width !== width || canvas.height !== height)) Object.assign(canvas, { width, height });
  return unit;
}

function percent(share) { return Math.round(share * 100) + "\u00a0%"; }

// The milliseconds of a frame that are worked in: what is begun in them is small.
const frameBudget = 5;

// Works in turn on units of work until the time of a frame is used up; `work` says whether there is more.
function workForAFrame(work) {
  const end = performance.now() + frameBudget;
  do if (!work()) return false; while (performance.now() < end);
  return true;
}

"""#,
"network": #"""
// A small network of fully connected layers that tells two groups of points apart: layers of tanh, normalized or not, and one number
// out, the logit of the second group. All memory is taken at the start; nothing is allocated while it learns.

// How many groups a row's channels are normalized in.
const groupCounts = { layer: 1, rms: 1, group: 2 };

class Network {
  // `normalization` is "none", "batch", "layer", "group" or "rms"; `scale` is what weights of deviation 1/√inputs are multiplied by;
  // `capacity` is the largest number of rows at once.
  constructor({ depth, width, normalization, scale, seed, capacity }) {
    const random = new RandomNumbers(seed);
    Object.assign(this, { depth, width, normalization, capacity, batchCount: 0, epsilon: 1e-5, momentum: 0.1 });
    this.layers = [];
    for (let index = 0; index <= depth; index += 1) {
      const inputs = index === 0 ? 2 : width, outputs = index === depth ? 1 : width;
      // A row for each input, and one for the bias.
      const weights = new Float64Array((inputs + 1) * outputs);
      for (let place = 0; place < weights.length; place += 1) weights[place] = random.normal() * scale / Math.sqrt(inputs);
      const rows = () => new Float64Array(capacity * outputs), channels = () => new Float64Array(outputs);
      this.layers.push({
        inputs, outputs, weights, weightGradient: new Float64Array(weights.length),
        gamma: channels().fill(1), gammaGradient: channels(), beta: channels(), betaGradient: channels(),
        mean: channels(), deviation: channels(), runningMean: channels(), runningVariance: channels().fill(1),
        groupDeviations: new Float64Array(capacity * 2), sums: channels(), products: channels(),
        product: rows(), normalized: rows(), output: rows(), gradient: rows(),
        isNormalized: index < depth && normalization !== "none", isLast: index === depth,
      });
    }
  }

  get logits() { return this.layers[this.depth].output; }

  // The logits of `count` points, two numbers each. In training, batch normalization takes the batch's own statistics and adds them to
  // the running ones, by which it normalizes else.
  forward(points, count, isTraining) {
    let input = points;
    for (const layer of this.layers) {
      multiply(input, layer, count);
      if (layer.isNormalized) {
        if (this.normalization === "batch") this.normalizeChannels(layer, count, isTraining);
        else this.normalizeRows(layer, count);
      }
      const { outputs, gamma, beta, output, isLast } = layer;
      const values = layer.isNormalized ? layer.normalized : layer.product;
      for (let row = 0, place = 0; row < count; row += 1) {
        for (let channel = 0; channel < outputs; channel += 1, place += 1) {
          const value = layer.isNormalized ? gamma[channel] * values[place] + beta[channel] : values[place];
          output[place] = isLast ? value : Math.tanh(value);
        }
      }
      input = output;
    }
    if (isTraining) this.batchCount += 1;
  }

  // Batch normalization: each channel by the mean and the deviation that it has over the rows.
  normalizeChannels(layer, count, isTraining) {
    const { outputs, product, normalized, mean, deviation, runningMean, runningVariance } = layer;
    // The first batches weigh 1/n, so that nothing of where the running statistics started is left.
    const weight = Math.max(1 / (this.batchCount + 1), this.momentum);
    for (let channel = 0; channel < outputs; channel += 1) {
      if (isTraining) {
        let total = 0, squares = 0;
        for (let row = 0; row < count; row += 1) total += product[row * outputs + channel];
        const middle = total / count;
        for (let row = 0; row < count; row += 1) {
          const distance = product[row * outputs + channel] - middle;
          squares += distance * distance;
        }
        mean[channel] = middle;
        deviation[channel] = Math.sqrt(squares / count + this.epsilon);
        runningMean[channel] += weight * (middle - runningMean[channel]);
        runningVariance[channel] += weight * (squares / Math.max(1, count - 1) - runningVariance[channel]);
      } else {
        mean[channel] = runningMean[channel];
        deviation[channel] = Math.sqrt(runningVariance[channel] + this.epsilon);
      }
      for (let row = 0; row < count; row += 1) {
        const place = row * outputs + channel;
        normalized[place] = (product[place] - mean[channel]) / deviation[channel];
      }
    }
  }

  // Layer and group normalization: each row's groups of channels by their own mean and deviation; RMS normalization takes no mean away.
  normalizeRows(layer, count) {
    const { outputs, product, normalized, groupDeviations } = layer;
    const groups = groupCounts[this.normalization], width = outputs / groups, takesMean = this.normalization !== "rms";
    for (let set = 0; set < count * groups; set += 1) {
      const start = set * width, end = start + width;
      let total = 0, squares = 0;
      for (let place = start; place < end; place += 1) total += product[place];
      const middle = takesMean ? total / width : 0;
      for (let place = start; place < end; place += 1) squares += (product[place] - middle) * (product[place] - middle);
      const deviation = Math.sqrt(squares / width + this.epsilon);
      groupDeviations[set] = deviation;
      for (let place = start; place < end; place += 1) normalized[place] = (product[place] - middle) / deviation;
    }
  }

  // The mean cross-entropy of the batch that went forward last, and the gradients of all parameters. Labels are 0 or 1.
  backward(labels, count) {
    const { logits, layers } = this, last = layers[this.depth];
    for (let row = 0; row < count; row += 1) last.gradient[row] = (sigmoid(logits[row]) - labels[row]) / count;
    const loss = crossEntropy(logits, labels, count);
    for (let index = this.depth; index >= 0; index -= 1) {
      const layer = layers[index], { outputs, gradient, output, isLast } = layer;
      if (!isLast) {
        for (let place = 0; place < count * outputs; place += 1) gradient[place] *= 1 - output[place] * output[place];
      }
      if (layer.isNormalized) {
        differentiateScaleAndShift(layer, count);
        if (this.normalization === "batch") differentiateChannels(layer, count);
        else this.differentiateRows(layer, count);
      }
      differentiateProduct(layer, count, index > 0 ? layers[index - 1].gradient : null);
    }
    return loss;
  }

  differentiateRows({ outputs, gradient, normalized, groupDeviations }, count) {
    const groups = groupCounts[this.normalization], width = outputs / groups, takesMean = this.normalization !== "rms";
    for (let set = 0; set < count * groups; set += 1) {
      const start = set * width, end = start + width;
      let total = 0, along = 0;
      for (let place = start; place < end; place += 1) {
        total += gradient[place];
        along += gradient[place] * normalized[place];
      }
      const mean = takesMean ? total / width : 0;
      for (let place = start; place < end; place += 1) {
        gradient[place] = (gradient[place] - mean - normalized[place] * along / width) / groupDeviations[set];
      }
    }
  }

  // A step of gradient descent.
  descend(rate) {
    for (const { weights, weightGradient, gamma, gammaGradient, beta, betaGradient } of this.layers) {
      for (let place = 0; place < weights.length; place += 1) weights[place] -= rate * weightGradient[place];
      for (let channel = 0; channel < beta.length; channel += 1) {
        gamma[channel] -= rate * gammaGradient[channel];
        beta[channel] -= rate * betaGradient[channel];
      }
    }
  }
}

function sigmoid(value) { return 1 / (1 + Math.exp(-value)); }

function crossEntropy(logits, labels, count) {
  let total = 0;
  for (let row = 0; row < count; row += 1) {
    const logit = logits[row];
    total += Math.max(logit, 0) - logit * labels[row] + Math.log1p(Math.exp(-Math.abs(logit)));
  }
  return total / count;
}

function multiply(input, layer, count) {
  const { inputs, outputs, weights, product } = layer;
  layer.input = input;
  for (let row = 0; row < count; row += 1) {
    for (let channel = 0; channel < outputs; channel += 1) {
      let total = weights[inputs * outputs + channel];
      for (let place = 0; place < inputs; place += 1) total += input[row * inputs + place] * weights[place * outputs + channel];
      product[row * outputs + channel] = total;
    }
  }
}

// β and γ get their gradients; what is left is the gradient of what was normalized.
function differentiateScaleAndShift({ outputs, gradient, normalized, gamma, gammaGradient, betaGradient }, count) {
  for (let channel = 0; channel < outputs; channel += 1) {
    let shift = 0, scale = 0;
    for (let place = channel; place < count * outputs; place += outputs) {
      shift += gradient[place];
      scale += gradient[place] * normalized[place];
      gradient[place] *= gamma[channel];
    }
    betaGradient[channel] = shift;
    gammaGradient[channel] = scale;
  }
}

// The closed form, channel by channel.
function differentiateChannels({ outputs, gradient, normalized, deviation }, count) {
  for (let channel = 0; channel < outputs; channel += 1) {
    let total = 0, along = 0;
    for (let place = channel; place < count * outputs; place += outputs) {
      total += gradient[place];
      along += gradient[place] * normalized[place];
    }
    for (let place = channel; place < count * outputs; place += outputs) {
      gradient[place] = (gradient[place] - total / count - normalized[place] * along / count) / deviation[channel];
    }
  }
}

function differentiateProduct({ input, inputs, outputs, weights, weightGradient, gradient }, count, inputGradient) {
  for (let place = 0; place < inputs; place += 1) {
    for (let channel = 0; channel < outputs; channel += 1) {
      let total = 0;
      for (let row = 0; row < count; row += 1) total += input[row * inputs + place] * gradient[row * outputs + channel];
      weightGradient[place * outputs + channel] = total;
    }
  }
  for (let channel = 0; channel < outputs; channel += 1) {
    let total = 0;
    for (let row = 0; row < count; row += 1) total += gradient[row * outputs + channel];
    weightGradient[inputs * outputs + channel] = total;
  }
  if (!inputGradient) return;
  for (let row = 0; row < count; row += 1) {
    for (let place = 0; place < inputs; place += 1) {
      let total = 0;
      for (let channel = 0; channel < outputs; channel += 1) {
        total += gradient[row * outputs + channel] * weights[place * outputs + channel];
      }
      inputGradient[row * inputs + place] = total;
    }
  }
}

"""#,
"nudge": #"""
// Part 5: a nudge of one value, and the slope of the loss.

{
  const rows = choice("nudge-row", draw);
  const size = slider("nudge-size", value => numberText(10 ** value), draw);

  function loss(nudge) {
    const channel = copied(state.channel);
    channel.x[Number(rows.value)] += nudge;
    const { y } = walk(channel, state.epsilon);
    return sum(channel.gradient.map((value, row) => value * y[row]));
  }

  function draw() {
    const row = Number(rows.value), nudge = 10 ** size.value;
    const nudges = Array.from({ length: 81 }, (_, place) => (place - 40) / 20);
    const losses = nudges.map(loss);
    const finite = losses.filter(Number.isFinite);
    const least = Math.min(...finite), most = Math.max(...finite), room = most > least ? (most - least) * 0.1 : 1;
    const point = (nudge, loss) => [180 + 80 * nudge, 206 - 186 * (loss - least + room) / (most - least + 2 * room)];
    const gradient = state.values.dx[row], middle = loss(0);
    // Of a steep line only what lies in the drawing.
    const reach = Math.min(1.2, 1.2 * (most - least + 2 * room) / Math.max(1e-300, Math.abs(gradient)));
    find("nudge-curve").setAttribute("d", line(nudges.map((nudge, place) => point(nudge, losses[place]))));
    find("nudge-tangent").setAttribute("d", line([-reach, reach].map(nudge => point(nudge, middle + gradient * nudge))));
    const below = loss(-nudge), above = loss(nudge), slope = (above - below) / (2 * nudge);
    for (const [identifier, place, value] of [["nudge-below", -nudge, below], ["nudge-above", nudge, above]]) {
      const [x, y] = point(place, value);
      find(identifier).setAttribute("cx", x.toFixed(2));
      find(identifier).setAttribute("cy", y.toFixed(2));
    }
    write("nudge-lower", numberText(below));
    write("nudge-upper", numberText(above));
    write("nudge-slope", numberText(slope));
    write("nudge-gradient", numberText(gradient));
    write("nudge-outcome", `Slope and gradient differ by ${numberText(Math.abs(slope - gradient))}.`);
  }

  watch(() => {
    listRows(rows, state.channel.x.length, row => `x in row ${row + 1}`);
    draw();
  });
}

"""#,
"numbers-table": #"""
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

"""#,
"numbers": #"""
// Numbers as text, as `norma explain` writes them: columns of numbers with as many decimals as the largest of them needs.

// A number with so many decimals, or so many digits and an exponent. What lies exactly between two texts becomes the even one,
// as in C, where JavaScript takes the larger.
function rounded(number, digits, method) {
  const text = number[method](digits), longer = number[method](Math.min(100, digits + 60));
  const [mantissa, exponent] = longer.split("e");
  const tail = mantissa.slice(mantissa.indexOf(".") + 1 + digits);
  if (!/^50*$/.test(tail)) return text;
  const kept = mantissa.slice(0, mantissa.indexOf(".") + (digits > 0 ? 1 + digits : 0));
  if (Number(kept.at(-1)) % 2 === 1) return text;
  return exponent === undefined ? kept : kept + "e" + exponent;
}

function trailingZeros(text) {
  const match = /\.\d*?(0*)$/.exec(text);
  return match ? match[1].length : 0;
}

function withoutDecimals(count, text) {
  const shorter = count > 0 ? text.slice(0, -count) : text;
  return shorter.endsWith(".") ? shorter.slice(0, -1) : shorter;
}

function isZeroText(text) { return /^-?0(\.0*)?$/.test(text); }

function scientificText(number, digits) {
  if (Number.isNaN(number)) return "NaN";
  if (!Number.isFinite(number)) return number < 0 ? "-∞" : "∞";
  if (number === 0) return "0";
  const [mantissa, exponent] = rounded(number, digits - 1, "toExponential").split("e");
  return withoutDecimals(trailingZeros(mantissa), mantissa) + "e" + Number(exponent);
}

// Texts of numbers that stand together, so that their points line up.
function numberTexts(numbers, digits = 4) {
  const largest = Math.max(0, ...numbers.filter(Number.isFinite).map(Math.abs));
  let texts;
  if (largest !== 0 && (largest < 1e-3 || largest >= 1e6)) {
    texts = numbers.map(number => scientificText(number, digits));
  } else {
    const leading = largest === 0 ? 0 : Math.trunc(Math.floor(Math.log10(largest)));
    const decimals = Math.max(0, digits - 1 - leading);
    texts = numbers.map(number => {
      if (!Number.isFinite(number)) return "";
      const text = rounded(number, decimals, "toFixed");
      return text.startsWith("-") && isZeroText(text) ? text.slice(1) : text;
    });
    const vanishes = texts.map((text, index) => numbers[index] !== 0 && isZeroText(text));
    const counted = texts.filter((text, index) => text !== "" && !vanishes[index]).map(trailingZeros);
    const zeros = counted.length > 0 ? Math.min(...counted) : 0;
    texts = texts.map((text, index) =>
      Number.isFinite(numbers[index]) && !vanishes[index]
        ? withoutDecimals(zeros, text) : scientificText(numbers[index], Math.min(2, digits)));
  }
  return texts.map(text => text.replaceAll("-", "−"));
}

function numberText(number, digits = 4) { return numberTexts([number], digits)[0]; }

// A sum that is written out: 0.2037 = 0.6667 − 0.4630.
function equation(texts) {
  return texts.slice(2).reduce(
    (line, text) => line + (text.startsWith("−") ? " − " + text.slice(1) : " + " + text), texts[0] + " = " + texts[1]);
}

"""#,
"opening": #"""
// Part 1: two networks that learn, and one slider.

{
  const stepCount = 400;
  const data = makePoints("spirals", 256, 1), held = makePoints("spirals", 200, 2);
  const names = ["plain", "rescaled"];
  const scale = slider("opening-scale", value => numberText(10 ** value, 1) + " times the usual", () => { begin(); run(); });
  let trainers = [], surfaces = [], turn = 0;

  function begin() {
    trainers = ["none", "batch"].map(normalization => new Trainer({
      data, held, batchSize: 32, rate: 0.2, isSorted: false, seed: 3,
      network: new Network({ depth: 5, width: 8, normalization, scale: 10 ** scale.value, seed: 5, capacity: 256 }),
    }));
    surfaces = names.map((name, index) => new Surface(name, trainers[index]));
    turn = 0;
    paint();
  }

  function paint() {
    for (const surface of surfaces) {
      surface.paint();
      surface.paintDots();
    }
    score();
  }

  function score() {
    trainers.forEach((trainer, index) => {
      trainer.judge();
      write(names[index] + "-score", percent(trainer.accuracy));
    });
  }

  function tell() {
    write("opening-outcome", `After ${trainers[1].stepCount} rounds of practice: as it is, ${percent(trainers[0].accuracy)} of new dots `
      + `are right; rescaled, ${percent(trainers[1].accuracy)}.`);
  }

  // A step of one, and some rows of its picture.
  function work() {
    const which = turn % 2;
    turn += 1;
    trainers[which].step();
    for (let row = 0; row < 8; row += 1) surfaces[which].advance();
    if (which === 1 && trainers[1].stepCount % 10 === 0) score();
  }

  const motion = new Motion(find("opening"), () => {
    // Slow enough to be watched: no more than a step of each in a frame.
    let left = 2;
    workForAFrame(() => { work(); left -= 1; return left > 0; });
    if (trainers[1].stepCount < stepCount) return true;
    for (const surface of surfaces) surface.paint();
    tell();
    write("opening-play", "Start");
    return false;
  });

  function run() {
    write("opening-play", "Pause");
    write("opening-outcome", "They are learning.");
    motion.start();
  }

  press("opening-play", () => {
    if (motion.isWanted) {
      motion.stop();
      write("opening-play", "Start");
      tell();
      return;
    }
    if (trainers[1].stepCount >= stepCount) begin();
    run();
  });
  press("opening-again", () => { begin(); run(); });
  repaints.push(paint);

  begin();
  if (calm.matches) {
    // Nothing moves by itself for who asks for that: the pictures are of the end.
    write("opening-play", "Start");
    for (let step = 0; step < stepCount; step += 1) for (const trainer of trainers) trainer.step();
    paint();
    tell();
  } else {
    run();
  }
}

"""#,
"page": #"""
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

"""#,
"playground": #"""
// Part 9: a network of one's own, with and without normalization.

{
  const names = ["without", "with"];
  const titles = { batch: "batch", layer: "layer", group: "group", rms: "RMS" };
  const restart = () => { begin(); };
  const points = choice("play-data", restart), kind = choice("play-norm", restart);
  const rate = slider("play-rate", value => numberText(10 ** value, 2), value => {
    for (const trainer of trainers) trainer.rate = 10 ** value;
  });
  const depth = slider("play-depth", String, restart);
  const scale = slider("play-scale", value => numberText(10 ** value, 2), restart);
  const batch = slider("play-batch", value => String(2 ** value), restart);
  const sorted = find("play-sorted");
  sorted.addEventListener("change", restart);
  let trainers = [], surfaces = [], turn = 0;
  const counts = new Uint16Array(40);
  const layerContexts = names.map(name => find(name + "-layers").getContext("2d"));
  const lossCanvas = find("play-losses"), lossContext = lossCanvas.getContext("2d");

  function begin() {
    const data = makePoints(points.value, 256, 1), held = makePoints(points.value, 200, 2);
    trainers = ["none", kind.value].map(normalization => new Trainer({
      data, held, batchSize: 2 ** batch.value, rate: 10 ** rate.value, isSorted: sorted.checked, seed: 3,
      network: new Network({ depth: depth.value, width: 8, normalization, scale: 10 ** scale.value, seed: 5, capacity: 256 }),
    }));
    surfaces = names.map((name, index) => new Surface(name, trainers[index]));
    write("with-title", `With ${titles[kind.value]} normalization`);
    turn = 0;
    paint();
    tell();
  }

  function paint() {
    judge();
    for (const surface of surfaces) {
      surface.paint();
      surface.paintDots();
    }
    trainers.forEach((_, index) => paintLayers(index));
    paintLosses();
  }

  function judge() {
    trainers.forEach((trainer, index) => {
      trainer.judge();
      write(names[index] + "-score", percent(trainer.accuracy));
    });
  }

  // What each layer gives for the points that are not trained on, as a histogram, first layer on top.
  function paintLayers(index) {
    const { network, held } = trainers[index], context = layerContexts[index];
    fit(context.canvas);
    const { width, height } = context.canvas, room = height / network.depth, bar = width / counts.length;
    network.forward(held.points, held.count, false);
    context.clearRect(0, 0, width, height);
    context.fillStyle = (index === 0 ? colours.second : colours.first).css;
    for (let layer = 0; layer < network.depth; layer += 1) {
      const { output, outputs } = network.layers[layer], total = held.count * outputs;
      counts.fill(0);
      for (let place = 0; place < total; place += 1) {
        counts[Math.min(counts.length - 1, Math.floor((output[place] + 1) / 2 * counts.length))] += 1;
      }
      let most = 1;
      for (const count of counts) most = Math.max(most, count);
      for (let bin = 0; bin < counts.length; bin += 1) {
        const tall = (room - 6) * counts[bin] / most;
        context.fillRect(bin * bar, (layer + 1) * room - 2 - tall, bar - 1, tall);
      }
    }
  }

  function paintLosses() {
    const unit = fit(lossCanvas), { width, height } = lossCanvas, count = Math.max(20, trainers[0].lossCount);
    let most = 0.75;
    for (const { losses, lossCount } of trainers) {
      for (let index = 0; index < lossCount; index += 1) if (losses[index] < 3) most = Math.max(most, losses[index]);
    }
    const bottom = height - 20 * unit, top = 18 * unit;
    lossContext.clearRect(0, 0, width, height);
    lossContext.strokeStyle = colours.rule.css;
    lossContext.lineWidth = unit;
    lossContext.beginPath();
    lossContext.moveTo(0, bottom);
    lossContext.lineTo(width, bottom);
    lossContext.stroke();
    lossContext.fillStyle = colours.muted.css;
    lossContext.font = `${12 * unit}px system-ui, sans-serif`;
    lossContext.textAlign = "left";
    lossContext.fillText(most.toFixed(2), 0, 12 * unit);
    lossContext.fillText("0", 0, height - 4 * unit);
    lossContext.textAlign = "right";
    lossContext.fillText(`${10 * (count - 1)} steps`, width, height - 4 * unit);
    lossContext.lineWidth = 2.5 * unit;
    // Over the other one where both are the same.
    for (let which = 0; which < 2; which += 1) {
      const { losses, lossCount } = trainers[which];
      lossContext.strokeStyle = (which === 0 ? colours.second : colours.first).css;
      lossContext.beginPath();
      for (let index = 0; index < lossCount; index += 1) {
        const x = width * index / (count - 1), y = bottom - (bottom - top) * Math.min(1, losses[index] / most);
        if (index === 0) lossContext.moveTo(x, y); else lossContext.lineTo(x, y);
      }
      lossContext.stroke();
    }
  }

  function tell() {
    const steps = trainers[0].stepCount, title = titles[kind.value];
    const losses = trainers.map(trainer => numberText(trainer.losses[trainer.lossCount - 1], 3));
    write("play-outcome", `After ${steps} ${steps === 1 ? "step" : "steps"}: without, ${percent(trainers[0].accuracy)} of new points are right and `
      + `the loss is ${losses[0]}; with ${title} normalization ${percent(trainers[1].accuracy)} and ${losses[1]}.`);
  }

  // One small piece of work: a row of a picture, a step of a network, or a drawing.
  function work() {
    turn += 1;
    const phase = turn % 40;
    if (phase < 10) surfaces[phase % 2].advance();
    else if (phase < 34) trainers[phase % 2].step();
    else if (phase === 34) { if (trainers[1].stepCount % 10 < 2) judge(); }
    else if (phase === 36) paintLayers(0);
    else if (phase === 37) paintLayers(1);
    else if (phase === 38) paintLosses();
    return trainers[1].stepCount < 10 * trainers[0].losses.length;
  }

  const motion = new Motion(find("playground"), () => {
    if (workForAFrame(work)) return true;
    stop();
    return false;
  });

  function stop() {
    motion.stop();
    write("play-run", "Train");
    paint();
    tell();
  }

  press("play-run", () => {
    if (motion.isWanted) return stop();
    write("play-run", "Pause");
    motion.start();
  });
  press("play-step", () => {
    stop();
    for (const trainer of trainers) trainer.step();
    paint();
    tell();
  });
  press("play-again", begin);
  repaints.push(paint);
  begin();
}

"""#,
"points": #"""
// Points of two groups in the square from −1 to 1, by shape.

const shapes = {
  circles(random, isSecond) {
    const angle = 2 * Math.PI * random.uniform(), radius = isSecond ? 0.78 : 0.32;
    return [radius * Math.cos(angle) + 0.07 * random.normal(), radius * Math.sin(angle) + 0.07 * random.normal()];
  },
  moons(random, isSecond) {
    const angle = Math.PI * random.uniform(), side = isSecond ? -1 : 1;
    return [
      side * (0.58 * Math.cos(angle) - 0.27) + 0.07 * random.normal(),
      side * (0.62 * Math.sin(angle) - 0.18) + 0.07 * random.normal(),
    ];
  },
  corners(random, isSecond) {
    const x = 1.7 * random.uniform() - 0.85, y = 0.12 + 0.73 * random.uniform();
    const away = x < 0 ? -0.06 : 0.06;
    return [x + away, (x < 0) === isSecond ? y : -y];
  },
  spirals(random, isSecond) {
    const along = 0.1 + 0.9 * Math.sqrt(random.uniform()), angle = 5.4 * along + (isSecond ? Math.PI : 0);
    return [
      0.95 * along * Math.cos(angle) + 0.03 * random.normal(), 0.95 * along * Math.sin(angle) + 0.03 * random.normal(),
    ];
  },
};

// So many points, two numbers each, and their groups, 0 and 1 in turn.
function makePoints(shape, count, seed) {
  const random = new RandomNumbers(seed);
  const points = new Float64Array(2 * count), labels = new Uint8Array(count);
  for (let row = 0; row < count; row += 1) {
    labels[row] = row % 2;
    points.set(shapes[shape](random, row % 2 === 1), 2 * row);
  }
  return { points, labels, count };
}

"""#,
"random": #"""
// Random numbers from a seed (mulberry32), so that a page shows the same at every visit.

class RandomNumbers {
  constructor(seed) { this.state = seed >>> 0; }

  // A number from 0 to below 1.
  uniform() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let bits = this.state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  }

  // A number of the normal distribution with mean 0 and deviation 1 (Box and Muller 1958).
  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  // Puts numbers into another order (Fisher and Yates).
  shuffle(numbers) {
    for (let last = numbers.length - 1; last > 0; last -= 1) {
      const other = Math.floor(this.uniform() * (last + 1)), kept = numbers[last];
      numbers[last] = numbers[other];
      numbers[other] = kept;
    }
  }
}

"""#,
"running": #"""
// Part 7: running statistics.

{
  const momentum = slider("running-momentum", value => numberText(value), draw);
  const steps = slider("running-steps", String, draw);
  const rule = find("running-rule");
  rule.addEventListener("change", draw);
  const truth = { mean: 6, variance: 9 };
  // The moments of each batch, as Norma finds them: distances from the first value, and then from the mean.
  const moments = start.batches.map(batch => {
    const middle = batch[0] + sum(batch.map(value => value - batch[0])) / batch.length;
    const distances = batch.map(value => value - middle), rest = sum(distances);
    const squares = sum(distances.map(value => value * value)) - rest / batch.length * rest;
    return { mean: middle + rest / batch.length, variance: 1 / (batch.length - 1) * squares };
  });

  function weight(batch) { return rule.checked ? Math.max(1 / (batch + 1), momentum.value) : momentum.value; }

  function path() {
    const found = [{ mean: 0, variance: 1 }];
    for (let batch = 0; batch < steps.value; batch += 1) found.push(updated(found.at(-1), moments[batch], weight(batch)));
    return found;
  }

  function curve(top, numbers, truth) {
    return line(numbers.map((value, batch) => [20 + 3.2 * batch, top + 120 - 80 * clamp(value / truth, 0, 1.3)]));
  }

  function draw() {
    const found = path(), last = found.at(-1), count = steps.value;
    find("running-means").setAttribute("d", curve(0, found.map(one => one.mean), truth.mean));
    find("running-variances").setAttribute("d", curve(145, found.map(one => one.variance), truth.variance));
    let left = 1;
    for (let batch = 0; batch < count; batch += 1) left *= 1 - weight(batch);
    const training = (9 - truth.mean) / Math.sqrt(truth.variance);
    const inference = (9 - last.mean) / Math.sqrt(last.variance + 1e-5);
    const share = numberText(Math.round(left * 1000) / 10) + "\u00a0%";
    write("running-mean", numberText(last.mean));
    write("running-variance", numberText(last.variance));
    write("running-left", share);
    write("running-training", numberText(training));
    write("running-inference", numberText(inference));
    find("running-mean").dataset.exact = last.mean;
    find("running-variance").dataset.exact = last.variance;
    write("running-outcome", `After ${count} ${count === 1 ? "batch" : "batches"} ${share} of the start is still in them: the value 9 `
      + `becomes ${numberText(inference)} in use, and was about ${numberText(training)} in training.`);
  }
  draw();
}

"""#,
"state": #"""
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

"""#,
"steps": #"""
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

"""#,
"trainer": #"""
// Trains a network batch by batch, and paints what it says of every place of the square.

class Trainer {
  constructor({ data, held, batchSize, rate, isSorted, seed, network }) {
    Object.assign(this, { data, held, batchSize, rate, isSorted, network });
    this.random = new RandomNumbers(seed);
    this.order = Uint16Array.from({ length: data.count }, (_, row) => row);
    this.batch = new Float64Array(2 * batchSize);
    this.labels = new Uint8Array(batchSize);
    this.place = data.count;
    this.stepCount = 0;
    // One loss of the held-out points for each ten steps.
    this.losses = new Float64Array(400);
    this.lossCount = 0;
    this.accuracy = 0.5;
    // So that a network that has not learned yet can be asked, too: statistics of what it is to learn from.
    network.forward(data.points, data.count, true);
  }

  // One step. In sorted batches all examples but a last one or two are of one group.
  step() {
    const { data, batchSize, order, batch, labels, network } = this;
    if (this.place + batchSize > data.count) {
      this.random.shuffle(order);
      if (this.isSorted) order.sort((one, other) => data.labels[one] - data.labels[other]);
      this.place = 0;
    }
    for (let row = 0; row < batchSize; row += 1) {
      const from = order[this.place + row];
      batch[2 * row] = data.points[2 * from];
      batch[2 * row + 1] = data.points[2 * from + 1];
      labels[row] = data.labels[from];
    }
    this.place += batchSize;
    network.forward(batch, batchSize, true);
    network.backward(labels, batchSize);
    network.descend(this.rate);
    this.stepCount += 1;
  }

  // The loss and the share of right answers on points that are not trained on.
  judge() {
    const { held, network } = this;
    network.forward(held.points, held.count, false);
    let right = 0;
    for (let row = 0; row < held.count; row += 1) right += (network.logits[row] > 0) === (held.labels[row] === 1) ? 1 : 0;
    this.accuracy = right / held.count;
    if (this.lossCount < this.losses.length) {
      this.losses[this.lossCount] = crossEntropy(network.logits, held.labels, held.count);
      this.lossCount += 1;
    }
  }
}

"""#,
"weight-scale": #"""
// Part 10: weights that are a times as large.

{
  const factor = slider("scale-factor", value => "a = " + numberText(10 ** value, 2), draw);
  const rows = start.scaleInputs, gradient = [1, 0, 0, 0];

  // Drawn lengths grow with the root of true ones, so that large and small fit one drawing.
  function place(weights) {
    const length = Math.hypot(...weights), drawn = length > 0 ? 80 * Math.sqrt(length) / length : 0;
    return [60 + drawn * weights[0], 180 - drawn * weights[1]];
  }

  // The gradient's arrow points downhill, where a step goes.
  function gradientTip(tip, gradient) {
    const length = Math.hypot(...gradient), drawn = length > 0 ? Math.min(120, 60 * Math.sqrt(length)) / length : 0;
    return [tip[0] - drawn * gradient[0], tip[1] + drawn * gradient[1]];
  }

  function arrow(from, to) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]], length = Math.max(1e-9, Math.hypot(dx, dy));
    const [ux, uy] = [dx / length, dy / length], head = Math.min(9, length);
    return line([from, to]) + line([
      [to[0] - head * ux - 0.5 * head * uy, to[1] - head * uy + 0.5 * head * ux], to,
      [to[0] - head * ux + 0.5 * head * uy, to[1] - head * uy - 0.5 * head * ux],
    ]);
  }

  function draw() {
    const scale = Number((10 ** factor.value).toPrecision(2)), weights = start.scaleWeights.map(weight => weight * scale);
    const x = rows.map(row => row[0] * weights[0] + row[1] * weights[1]);
    const { y, dx } = walk({ x, gamma: 1, beta: 0, gradient }, 1e-5);
    const weightGradient = [0, 1].map(place => sum(rows.map((row, index) => row[place] * dx[index])));
    const tip = place(weights), end = gradientTip(tip, weightGradient);
    find("scale-weights").setAttribute("d", arrow([60, 180], tip));
    find("scale-gradient").setAttribute("d", arrow(tip, end));
    move("scale-name", tip[0] + 8, tip[1] + 18);
    move("scale-gradient-name", end[0] + 6, end[1] - 6);
    write("scale-w", numberTexts(weights).join(",  "));
    write("scale-y", numberTexts(y).join(",  "));
    write("scale-dw", numberTexts(weightGradient).join(",  "));
    write("scale-product", numberText(sum(weights.map((weight, place) => weight * weightGradient[place]))));
    write("scale-outcome", `W is ${numberText(scale, 2)} times what it was, the output is ${numberTexts(y, 3).join(", ")}, and the gradient `
      + `is ${numberTexts(weightGradient, 3).join(", ")}.`);
  }

  function move(identifier, x, y) {
    find(identifier).setAttribute("x", x.toFixed(2));
    find(identifier).setAttribute("y", y.toFixed(2));
  }
}

"""#,
"chapter": #"""
// A chapter's contents and folds: links open what they lead to, the contents mark where the reader is, and paper gets everything.

{
  const folds = [...document.querySelectorAll("details")], contents = document.querySelector(".contents");

  function reveal() {
    const target = document.getElementById(location.hash.slice(1));
    // What the target is in, and the whole of a section that is closed.
    const closed = folds.filter(fold => !fold.open && (fold.contains(target) || fold.matches(".whole") && fold.parentElement === target));
    for (const fold of closed) fold.open = true;
    if (closed.length > 0) target.scrollIntoView();
  }
  addEventListener("hashchange", reveal);
  // The address does not change where it is chosen again.
  document.addEventListener("click", event => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) reveal();
    if (link && contents.contains(link)) contents.open = false;
  });
  reveal();

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = folds.filter(fold => !fold.open);
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

  const links = new Map([...contents.querySelectorAll("a")].map(link => [link.hash.slice(1), link]));
  const sections = [...document.querySelectorAll("section[id]")].filter(section => links.has(section.id));
  let marked = null;
  // In view is what stands a quarter below the window's top.
  const observer = new IntersectionObserver(entries => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      marked?.removeAttribute("aria-current");
      marked = links.get(target.id);
      marked.setAttribute("aria-current", "true");
      const box = contents.getBoundingClientRect(), place = marked.getBoundingClientRect();
      if (place.top < box.top || place.bottom > box.bottom) contents.scrollTop += place.top - box.top - box.height / 2;
    }
  }, { rootMargin: "-25% 0px -74% 0px" });
  for (const section of sections) observer.observe(section);
}

"""#,
"charts": #"""
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

"""#,
  ]

  package static let listing = [
    #"let mu = 1 / n * sum(x)"#,
    #"let c = x.map { $0 - mu }"#,
    #"let q = c.map { $0 * $0 }"#,
    #"let v = 1 / n * sum(q)"#,
    #"let u = v + epsilon"#,
    #"let s = u.squareRoot()"#,
    #"let r = 1 / s"#,
    #"let xhat = c.map { $0 * r }"#,
    #"let t = xhat.map { $0 * gamma }"#,
    #"let y = t.map { $0 + beta }"#,
    #"let dt = dy"#,
    #"let dbeta = sum(dy)"#,
    #"let dxhat = dt.map { $0 * gamma }"#,
    #"let dgamma = sum(products(dt, xhat))"#,
    #"let dr = sum(products(dxhat, c))"#,
    #"let ds = -(dr * (r * r))"#,
    #"let du = ds / (2 * s)"#,
    #"let dv = du"#,
    #"let dq = 1 / n * dv"#,
    #"let dc = zip(dxhat, c).map { $0 * r + 2 * (dq * $1) }"#,
    #"let dmu = -sum(dc)"#,
    #"let dx = dc.map { $0 + 1 / n * dmu }"#,
  ]
}
