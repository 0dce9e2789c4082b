import type { Random } from './time.js';

export interface Weighted {
  /** Above 0: candidates of weight 0 are never added. */
  readonly weight: number;
}

/** What a picker chooses among: it reads the weight, and any load, from the candidate itself. */
export interface Candidate extends Weighted {
  /** Calls of this client that run on it now. */
  readonly running: number;
}

/** What a picker may know of the call. */
export interface PickRequest<C> {
  /** Passes over a candidate, such as one that this call has tried already. */
  readonly skip?: ((candidate: C) => boolean) | undefined;
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

export type PickerFactory = <C extends Candidate>(random: Random) => Picker<C>;
