/** The value below which this share of them lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function round(value: number, digits = 0): number {
  return Number(value.toFixed(digits));
}

/** What something takes, ns: the median of several runs, once it is warm. */
export function medianOf(runs: number, run: () => void): number {
  for (let i = 0; i < runs / 10; i += 1) run();
  const costs = Array.from({ length: runs }, () => {
    const start = performance.now();
    run();
    return (performance.now() - start) * 1e6;
  });
  return median(costs);
}
