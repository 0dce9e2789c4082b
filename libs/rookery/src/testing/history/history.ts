/** A call, from its start to its end; times are monotonic ms. */
export interface CallRecorded {
  readonly service: string;
  readonly startedAt: number;
  readonly endedAt: number;
  /** The id of the instance that answered, or was asked last, where that is known. */
  readonly instance?: string | undefined;
  /** Why it failed; absent where it did not. */
  readonly error?: string | undefined;
}

/**
 * `started`: its process serves, and its registration was accepted. `leaving`: its deregistration has begun. `left`: its
 * deregistration was acknowledged. `broken`: it was killed, hangs, or cannot be reached. `mended`: it can be used again. `lost`: clients heard
 * that its entry is gone without a word; it serves on.
 */
export type InstanceStep = 'started' | 'leaving' | 'left' | 'broken' | 'mended' | 'lost';

/** What happened to an instance. */
export interface InstanceRecorded {
  readonly service: string;
  readonly id: string;
  readonly step: InstanceStep;
  readonly at: number;
}

/** What stands at the end, after the last fault and the time that healing takes. */
export interface EndRecorded {
  readonly service: string;
  /** Ids of the instances that are there to be used. */
  readonly running: readonly string[];
  /** Ids in the registry. */
  readonly registered: readonly string[];
  /** By client, the ids in its view. */
  readonly views: Readonly<Record<string, readonly string[]>>;
  /** By instance, how many connections were opened to it. */
  readonly connections?: Readonly<Record<string, number>>;
  /** How many clients there were; default 1. */
  readonly clients?: number;
}

/** What happened to a fleet, in no order. */
export interface History {
  readonly calls: readonly CallRecorded[];
  readonly instances: readonly InstanceRecorded[];
  readonly ends: readonly EndRecorded[];
}
