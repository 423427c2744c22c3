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
