import { fakeTime } from '../../testing/fake-time.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { Endpoint } from '../endpoint.js';
import { createInstance } from '../instance.js';
import type { Picker, PickerFactory } from '../picker.js';

/** An instance as a spec needs it: its weight, and how long its calls take, ms. */
export interface Member {
  readonly weight: number;
  readonly ms: number;
}

/** Endpoints and a picker over them, on a clock in the hands of the spec. */
export class PickerStage {
  readonly time = fakeTime();
  readonly endpoints: Endpoint[] = [];
  readonly picker: Picker<Endpoint>;
  readonly #clock: { readonly ms: number };
  readonly #counts = new Map<Endpoint, number>();

  constructor(factory: PickerFactory, seed: number, weights: readonly number[] = []) {
    this.picker = factory<Endpoint>(seededRandom(seed));
    const { time } = this;
    this.#clock = {
      get ms() {
        return time.now();
      },
    };
    for (const weight of weights) this.add(weight);
  }

  add(weight = 100, address = `h${this.endpoints.length}:1`): Endpoint {
    const endpoint = new Endpoint(instanceAt(address, weight), this.#clock);
    this.endpoints.push(endpoint);
    this.picker.add(endpoint);
    return endpoint;
  }

  reweigh(endpoint: Endpoint, weight: number): void {
    endpoint.set(instanceAt(endpoint.address, weight));
    this.picker.reweigh(endpoint);
  }

  remove(endpoint: Endpoint): void {
    this.endpoints.splice(this.endpoints.indexOf(endpoint), 1);
    this.picker.remove(endpoint);
  }

  /** Of `count` calls that do nothing, how many each endpoint takes. */
  tally(count: number): number[] {
    const counts = new Map<Endpoint, number>();
    for (let i = 0; i < count; i += 1) {
      const picked = this.picker.pick({})!;
      counts.set(picked, (counts.get(picked) ?? 0) + 1);
    }
    return this.endpoints.map((endpoint) => counts.get(endpoint) ?? 0);
  }

  /** A unary call has run there. */
  ran(
    endpoint: Endpoint,
    outcome: { readonly ms: number; readonly code?: number; readonly processed?: boolean },
  ): void {
    endpoint.callStarted(UNARY);
    endpoint.callEnded(UNARY, { code: 0, processed: true, ...outcome });
  }

  /**
   * So many callers, each of which makes its next call when the last one has ended: how many each endpoint took in
   * `forMs`, after as long again in which nobody counts.
   */
  closedLoop(callers: number, forMs: number, msOf: (endpoint: Endpoint) => number): number[] {
    const call = (): void => {
      const endpoint = this.picker.pick({})!;
      const ms = msOf(endpoint);
      endpoint.callStarted(UNARY);
      this.#counts.set(endpoint, (this.#counts.get(endpoint) ?? 0) + 1);
      this.time.after(ms, () => {
        endpoint.callEnded(UNARY, { code: 0, processed: true, ms });
        call();
      });
    };
    for (let i = 0; i < callers; i += 1) call();
    this.time.advance(forMs);
    this.#counts.clear();
    this.time.advance(forMs);
    return this.endpoints.map((endpoint) => this.#counts.get(endpoint) ?? 0);
  }
}

const UNARY = { unary: true, deadline: Infinity, attempts: 0 };

function instanceAt(address: string, weight: number) {
  return createInstance({ id: address.replace(':', '-'), service: 's', address, weight });
}

/** Each number as a share of their sum. */
export function sharesOf(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => count / total);
}
