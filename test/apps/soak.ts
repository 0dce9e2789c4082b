import { defineService } from 'rookery';

export interface Load {
  number: number;
  delayMs?: number;
  answerBytes?: number;
  payload?: Uint8Array;
}

export interface Soak {
  echo(load: Load): Promise<Required<Load>>;
}

export const SOAK = defineService<{ Soak: Soak }>({
  name: 'soak',
  package: 'soak',
  protoPath: 'test/apps/proto/soak.proto',
});

/** What a process holds when nothing runs. */
export interface SoakSample {
  /** After a collection, bytes. */
  readonly heap: number;
  readonly rss: number;
  /** What keeps a process, such as sockets and timers. */
  readonly handles: number;
}

/** So long with so many callers. */
export interface SoakPhase {
  readonly callers: number;
  readonly ms: number;
}

/** What a client has done so far. */
export interface SoakReport {
  readonly calls: number;
  /** By what they did as they should: OK, CANCELLED, DEADLINE_EXCEEDED. */
  readonly statuses: Readonly<Record<string, number>>;
  /** That did not. */
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly string[];
}

export type SoakRequest = 'sample' | SoakPhase;

/** For `--expose-gc`. */
export function takeSample(): SoakSample {
  const { gc } = globalThis;
  if (!gc) throw new Error('this program runs with --expose-gc');
  gc();
  // What finalizers let go of goes with the second one.
  gc();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss, handles: process.getActiveResourcesInfo().length };
}
