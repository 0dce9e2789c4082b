import type { Payload } from '../workload.js';

/** So many callers, each of which calls again as soon as it has its answer. */
export interface ClosedLoad {
  readonly payload: Payload;
  readonly concurrency: number;
  readonly ms: number;
}

/** Calls at fixed instants, whether or not earlier ones have been answered. */
export interface OpenLoad {
  readonly payload: Payload;
  readonly perSecond: number;
  readonly ms: number;
}

export interface LoadReport {
  /** Those that were answered. */
  readonly calls: number;
  readonly failed: number;
  /** The first failure in words. */
  readonly failure?: string | undefined;
  readonly rps: number;
  readonly p50us: number;
  readonly p99us: number;
  readonly p999us: number;
  /** CPU of the client's process, for each call that was answered. */
  readonly cpuUs: number;
}

export interface OpenReport extends LoadReport {
  /** Whether at most 10 % of what was offered had no answer yet when the last call was due. */
  readonly keptUp: boolean;
}
