import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What is in use once all that is not is gone, bytes. */
export function heapInUse(): number {
  // What finalizers let go of goes with the second one.
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

/** What `run` allocates, bytes; nothing where a collection came in between. */
export async function allocatedBy(run: () => Promise<void>): Promise<number | undefined> {
  collect();
  const before = process.memoryUsage().heapUsed;
  await run();
  const bytes = process.memoryUsage().heapUsed - before;
  return bytes > 0 ? bytes : undefined;
}
