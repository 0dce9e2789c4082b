/** How long it takes, ms. */
export function timeOf(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/**
 * How many times as long the second one takes. The least of many short runs of each, in turn: what the machine does besides
 * only adds, and meets both.
 * @param few what one run took, ms
 */
export function costRatio(few: () => number, many: () => number, runs = 20): number {
  let [least, most] = [Infinity, Infinity];
  few();
  many();
  for (let i = 0; i < runs; i += 1) {
    least = Math.min(least, few());
    most = Math.min(most, many());
  }
  return most / least;
}
