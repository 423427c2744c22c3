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
