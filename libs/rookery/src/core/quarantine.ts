import type { Endpoint } from './endpoint.js';
import type { Time } from './time.js';

/** How long an instance that the registry lost is held beside others that it knows, ms. */
export const QUARANTINE_MS = 60_000;

/** Between two looks at one that cannot be dropped yet, at the least, ms. */
const LOOK_AGAIN_MS = 1000;

interface Hold {
  readonly until: number;
  /** No other instance of its group was in the registry and usable when it was last looked at. */
  readonly alone: boolean;
}

export interface QuarantineOptions {
  readonly time: Time;
  readonly ms: number;
  /** Counts an endpoint where it belongs, after it has become quarantined. */
  readonly place: (endpoint: Endpoint) => void;
  /** Whether the endpoint's group keeps another usable instance, one that the registry knows. */
  readonly hasOther: (endpoint: Endpoint) => boolean;
  /** Its time is over: it is to be dropped. */
  readonly end: (endpoint: Endpoint) => void;
}

/**
 * Endpoints that the registry has lost without a word while their connections hold: a registry that hung for longer than
 * leases last, or was wiped, loses every instance at once, and all of them serve on. One leaves when its connection does
 * (whoever holds it tells), or after some time, and then only where its group had somebody else at two looks in a row:
 * the first one that registers again must not end all the others.
 */
export class Quarantine {
  /** Those whose time is over first stand first. */
  readonly #held = new Map<Endpoint, Hold>();
  #timer: Disposable | undefined;

  constructor(private readonly options: QuarantineOptions) {}

  /** Takes all that were lost at once. */
  hold(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      endpoint.quarantined = true;
      this.options.place(endpoint);
    }
    for (const endpoint of endpoints) this.#look(endpoint, this.options.ms);
    this.#arm();
  }

  /** It is registered again, or gone. */
  release(endpoint: Endpoint): void {
    endpoint.quarantined = false;
    this.#held.delete(endpoint);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#held.clear();
  }

  #look(endpoint: Endpoint, ms: number): void {
    const { time, hasOther } = this.options;
    this.#held.delete(endpoint);
    this.#held.set(endpoint, { until: time.now() + ms, alone: !hasOther(endpoint) });
  }

  #arm(): void {
    if (this.#timer) return;
    const [next] = this.#held.values();
    if (!next) return;
    this.#timer = this.options.time.after(next.until - this.options.time.now(), () => {
      this.#timer = undefined;
      this.#sweep();
      this.#arm();
    });
  }

  #sweep(): void {
    const { time, hasOther, end } = this.options;
    const now = time.now();
    for (const [endpoint, { until, alone }] of Array.from(this.#held)) {
      if (until > now) return;
      if (alone || !hasOther(endpoint)) this.#look(endpoint, Math.max(this.options.ms, LOOK_AGAIN_MS));
      else end(endpoint);
    }
  }
}
