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
