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
