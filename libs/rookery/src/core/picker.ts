import type { Random } from './time.js';

export interface Weighted {
  /** Above 0: candidates of weight 0 are never added. */
  readonly weight: number;
}

/** What a picker chooses among: it reads the weight, and any load, from the candidate itself. */
export interface Candidate extends Weighted {
  /** Who it is, the same in every client and for as long as it is there: its address. */
  readonly key: string;
  /** Calls of this client that run on it now. */
  readonly running: number;
  /** Of those, the ones with one request and one answer: what `latencyMs` is made of. */
  readonly runningUnary: number;
  /**
   * How long its unary calls take, ms: peak EWMA over 10 s, faded to this moment; nothing before the first of them has
   * ended. Failures count as slow.
   */
  readonly latencyMs: number | undefined;
}

/** What a picker may know of the call. */
export interface PickRequest<C> {
  /** Passes over a candidate, such as one that this call has tried already. */
  readonly skip?: ((candidate: C) => boolean) | undefined;
  /** Calls with the same key go to the same candidate, where the picker cares. */
  readonly hashKey?: string | undefined;
}

/** Chooses among candidates: incremental, O(log n) or better, synchronous, and never throws. */
export interface Picker<C extends Weighted> {
  add(candidate: C): void;
  remove(candidate: C): void;
  /** The weight of a candidate changed. */
  reweigh(candidate: C): void;
  /** Nothing where there is no candidate, or every one is skipped. */
  pick(request: PickRequest<C>): C | undefined;
}

/** Where the key of a call comes from that does not name its own `hashKey`. */
export interface HashKeySource {
  /** The name of a header in the metadata of the call. */
  readonly header?: string | undefined;
}

/** Makes a picker for each group of instances. */
export interface PickerFactory {
  <C extends Candidate>(random: Random): Picker<C>;
  /** Where this is there every call needs a key, and one without it fails before it is sent. */
  readonly hashKey?: HashKeySource | undefined;
}
