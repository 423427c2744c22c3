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
