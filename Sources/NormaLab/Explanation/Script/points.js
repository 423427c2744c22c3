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
