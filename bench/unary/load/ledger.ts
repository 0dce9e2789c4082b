import { percentileOf } from '../figures.js';
import type { LoadReport } from './report.js';

/** What came of the calls of one run; noting one costs the same for everybody. */
export class Ledger {
  failed = 0;
  #latencies = new Float64Array(1 << 16);
  #calls = 0;
  #failure: string | undefined;
  readonly #cpu = process.cpuUsage();
  readonly startedAt = performance.now();

  /** @param ms its latency */
  note(ms: number): void {
    if (this.#calls === this.#latencies.length) this.#grow();
    this.#latencies[this.#calls] = ms;
    this.#calls += 1;
  }

  noteFailure(error: unknown): void {
    this.failed += 1;
    this.#failure ??= error instanceof Error ? error.message : JSON.stringify(error);
  }

  /** Call it when the last answer is there. */
  report(): LoadReport {
    const seconds = (performance.now() - this.startedAt) / 1000;
    const { user, system } = process.cpuUsage(this.#cpu);
    const calls = this.#calls;
    const sorted = this.#latencies.subarray(0, calls).sort();
    const us = (share: number) => 1000 * percentileOf(sorted, share);
    return {
      calls,
      failed: this.failed,
      failure: this.#failure,
      rps: calls / seconds,
      p50us: us(0.5),
      p99us: us(0.99),
      p999us: us(0.999),
      cpuUs: (user + system) / calls,
    };
  }

  #grow(): void {
    const more = new Float64Array(2 * this.#latencies.length);
    more.set(this.#latencies);
    this.#latencies = more;
  }
}
