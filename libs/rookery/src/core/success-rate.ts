import type { Endpoint } from './endpoint.js';
import type { Time } from './time.js';

/** The defaults of gRFC A50. */
export const INTERVAL_MS = 10_000;
const STDEV_FACTOR = 1.9;
const MINIMUM_ENDPOINTS = 5;
const REQUEST_VOLUME = 100;

/**
 * Finds endpoints that fail far more often than the others of their group (success_rate of gRFC A50): every 10 s, over
 * those of a group with 100 calls or more in that time, where they are at least five, those whose rate is more than 1.9
 * standard deviations below the mean. Looks only while calls end.
 */
export class SuccessRate {
  /** Endpoints with calls in this interval. */
  readonly #counted = new Set<Endpoint>();
  #timer: Disposable | undefined;

  constructor(
    private readonly time: Time,
    private readonly outlier: (endpoint: Endpoint) => void,
  ) {}

  count(endpoint: Endpoint, failed: boolean): void {
    const { tally } = endpoint;
    if (tally.answered + tally.failed === 0) this.#counted.add(endpoint);
    if (failed) tally.failed += 1;
    else tally.answered += 1;
    this.#timer ??= this.time.after(INTERVAL_MS, this.#look);
  }

  forget(endpoint: Endpoint): void {
    this.#counted.delete(endpoint);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#counted.clear();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const groups = new Map<string, Map<Endpoint, number>>();
    for (const endpoint of this.#counted) {
      const { instance, tally } = endpoint;
      const calls = tally.answered + tally.failed;
      let rates = groups.get(instance.group);
      if (!rates) groups.set(instance.group, (rates = new Map()));
      if (calls >= REQUEST_VOLUME) rates.set(endpoint, tally.answered / calls);
      tally.answered = tally.failed = 0;
    }
    this.#counted.clear();
    for (const rates of groups.values()) for (const endpoint of outliers(rates)) this.outlier(endpoint);
  };
}

/** Worst first: there may not be room for all. */
function outliers(rates: ReadonlyMap<Endpoint, number>): readonly Endpoint[] {
  if (rates.size < MINIMUM_ENDPOINTS) return [];
  const all = [...rates.values()];
  const mean = all.reduce((sum, rate) => sum + rate, 0) / all.length;
  const variance = all.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / all.length;
  const least = mean - STDEV_FACTOR * Math.sqrt(variance);
  const below = [...rates].filter(([, rate]) => rate < least);
  return below.toSorted(([, a], [, b]) => a - b).map(([endpoint]) => endpoint);
}
