import { quantile, round } from '../../test/support/scale/quantile.js';

export interface Entry {
  /** When the call was made. */
  readonly madeAt: number;
  /** Until it was answered, or its time was up; absent where it was refused. */
  readonly ms: number | undefined;
  readonly failed: boolean;
  readonly attempts: number;
}

/** One point of a curve, for the calls that were made in one span of time. */
export interface Point {
  /** The middle of the span, s. */
  readonly second: number;
  /** Absent where nothing was answered. */
  readonly p99Ms: number | undefined;
  readonly failedPercent: number;
}

export interface Figures {
  readonly calls: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly attemptsPerCall: number;
}

/** What became of the calls, by the time at which they were made. */
export class Ledger {
  readonly #entries: Entry[] = [];

  enter(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Of the calls that were made from here to there, ms. */
  figures(fromMs: number, toMs: number): Figures {
    const entries = this.#between(fromMs, toMs);
    const latencies = entries.flatMap(({ ms }) => ms ?? []);
    const attempts = entries.reduce((sum, entry) => sum + entry.attempts, 0);
    return {
      calls: entries.length,
      failed: entries.filter(({ failed }) => failed).length,
      p50Ms: round(quantile(latencies, 0.5), 1),
      p99Ms: round(quantile(latencies, 0.99), 1),
      attemptsPerCall: round(attempts / entries.length, 3),
    };
  }

  curve(endMs: number, stepMs: number): readonly Point[] {
    const steps: Entry[][] = Array.from({ length: Math.ceil(endMs / stepMs) }, () => []);
    for (const entry of this.#entries) steps[Math.floor(entry.madeAt / stepMs)]?.push(entry);
    return steps.map((entries, i) => {
      const latencies = entries.flatMap(({ ms }) => ms ?? []);
      return {
        second: ((i + 0.5) * stepMs) / 1000,
        p99Ms: latencies.length === 0 ? undefined : round(quantile(latencies, 0.99), 1),
        failedPercent: round((100 * entries.filter(({ failed }) => failed).length) / Math.max(1, entries.length), 2),
      };
    });
  }

  #between(fromMs: number, toMs: number): readonly Entry[] {
    return this.#entries.filter(({ madeAt }) => madeAt >= fromMs && madeAt < toMs);
  }
}
