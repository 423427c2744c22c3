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
