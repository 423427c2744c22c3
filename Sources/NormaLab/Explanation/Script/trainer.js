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
