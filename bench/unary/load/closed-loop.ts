import { setImmediate as nextTurn } from 'node:timers/promises';
import { Ledger } from './ledger.js';
import type { ClosedLoad, LoadReport } from './report.js';

/** Every call that was begun is awaited and counted, and so is the time that this takes. */
export async function closedLoop(
  call: () => Promise<unknown>,
  { concurrency, ms }: Pick<ClosedLoad, 'concurrency' | 'ms'>,
): Promise<LoadReport> {
  const ledger = new Ledger();
  const end = ledger.startedAt + ms;
  const caller = async () => {
    let at = performance.now();
    while (at < end) {
      const from = at;
      try {
        await call();
        at = performance.now();
        ledger.note(at - from);
      } catch (error) {
        ledger.noteFailure(error);
        // A call that fails at once would let nothing else happen any more.
        await nextTurn();
        at = performance.now();
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return ledger.report();
}
