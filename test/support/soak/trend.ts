/** What became of a figure over time. */
export interface Trend {
  /** Means of the first and the last third of the samples. */
  readonly first: number;
  readonly last: number;
  /** Of the line through all of them that fits best (least squares), an hour. */
  readonly perHour: number;
}

/** @param samples at least three; `at` in ms */
export function trendOf(samples: readonly { readonly at: number; readonly value: number }[]): Trend {
  const third = Math.floor(samples.length / 3);
  const mean = (key: 'at' | 'value', of = samples) => of.reduce((sum, sample) => sum + sample[key], 0) / of.length;
  const [at, value] = [mean('at'), mean('value')];
  const covariance = samples.reduce((sum, sample) => sum + (sample.at - at) * (sample.value - value), 0);
  const variance = samples.reduce((sum, sample) => sum + (sample.at - at) ** 2, 0);
  return {
    first: mean('value', samples.slice(0, third)),
    last: mean('value', samples.slice(-third)),
    perHour: (covariance / variance) * 3_600_000,
  };
}
