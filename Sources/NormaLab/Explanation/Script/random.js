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
