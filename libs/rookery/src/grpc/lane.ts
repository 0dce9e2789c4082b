import { AsyncLocalStorage } from 'node:async_hooks';
import { checkName } from '../core/instance.js';

const lanes = new AsyncLocalStorage<string>();

/**
 * Runs `fn` in a lane: its calls prefer instances of the group with that name wherever a service has one, and fall
 * through to the ordinary rules where it has not. A call that names a group itself is not touched.
 * @throws {RookeryError} ROOKERY_NAME_INVALID
 */
export function withLane<T>(lane: string, fn: () => T): T {
  return lanes.run(checkName(lane, 'lane'), fn);
}

/** The lane of the running code, if it has one. */
export function currentLane(): string | undefined {
  return lanes.getStore();
}
