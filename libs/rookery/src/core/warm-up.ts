import type { Endpoint } from './endpoint.js';
import type { Time } from './time.js';

/** What part of its weight counts at first; Envoy's min_weight_percent. */
const COLD = 0.1;
/** In so many steps, unless they would be shorter than `LEAST_STEP_MS`. */
const STEPS = 10;
const LEAST_STEP_MS = 100;

export interface WarmUpOptions {
  readonly time: Time;
  /** From the first share to all of it, ms. */
  readonly ms: number;
  /** Its weight has changed. */
  readonly place: (endpoint: Endpoint) => void;
}

/**
 * Gives endpoints that join more calls little by little (Envoy's slow start, linear): a tenth of their weight at first, all
 * of it after some time. That time begins when this client first sees one ready, whatever clock or metadata it has itself.
 * Those of the first view are at work already.
 */
export class WarmUp {
  /** Since when it is ready; undefined before. */
  readonly #warming = new Map<Endpoint, number | undefined>();
  #begun = false;
  #timer: Disposable | undefined;

  constructor(private readonly options: WarmUpOptions) {}

  /** The first view is there: whoever comes from here on joins. */
  begin(): void {
    this.#begun = true;
  }

  /** An endpoint is new, or another process stands behind its address; whoever counts it places it. */
  joined(endpoint: Endpoint): void {
    if (!this.#begun) return;
    endpoint.warmth = COLD;
    this.#warming.set(endpoint, undefined);
  }

  ready(endpoint: Endpoint): void {
    if (!this.#warming.has(endpoint) || this.#warming.get(endpoint) !== undefined) return;
    this.#warming.set(endpoint, this.options.time.now());
    this.#arm();
  }

  forget(endpoint: Endpoint): void {
    this.#warming.delete(endpoint);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#warming.clear();
  }

  #arm(): void {
    const { time, ms } = this.options;
    this.#timer ??= time.after(Math.min(ms, Math.max(ms / STEPS, LEAST_STEP_MS)), this.#step);
  }

  readonly #step = (): void => {
    const { time, ms, place } = this.options;
    this.#timer = undefined;
    let going = false;
    for (const [endpoint, since] of this.#warming) {
      if (since === undefined) continue;
      endpoint.warmth = Math.min(1, COLD + ((1 - COLD) * (time.now() - since)) / ms);
      if (endpoint.warmth >= 1) this.#warming.delete(endpoint);
      else going = true;
      place(endpoint);
    }
    if (going) this.#arm();
  };
}
