import type { ClosedLoad, LoadReport, OpenLoad, OpenReport } from './load/report.js';
import type { Payload } from './workload.js';

/** MiB of a process. */
export interface Memory {
  readonly rss: number;
  /** The heap, and what it holds outside of itself. */
  readonly heap: number;
}

/** What a server has done since it started. */
export interface Served {
  readonly calls: number;
  /** Calls that wait in their handler. */
  readonly held: number;
  readonly cpuUs: number;
}

/** What the bench asks its programs by IPC: argument and answer of each. */
export interface Questions {
  served: [argument: undefined, answer: Served];
  release: [argument: undefined, answer: undefined];
  memory: [argument: undefined, answer: Memory];
  check: [argument: Payload, answer: undefined];
  closed: [argument: ClosedLoad, answer: LoadReport];
  open: [argument: OpenLoad, answer: OpenReport];
  hold: [argument: number, answer: undefined];
  /** How many of the held calls failed. */
  held: [argument: undefined, answer: number];
}

export type Question = keyof Questions;

export interface Asked {
  readonly id: number;
  readonly question: Question;
  readonly argument: unknown;
}

/** `id` is absent in the first one, which says that the program is ready. */
export interface Answered {
  readonly id?: number;
  readonly answer?: unknown;
  readonly error?: string;
}
