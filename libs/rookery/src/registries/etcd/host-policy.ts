import type { IOptions } from 'etcd3';
import type { Time } from '../../core/time.js';

type Policy = ReturnType<NonNullable<NonNullable<IOptions['faultHandling']>['host']>>;

/** How long a host that failed is passed over, ms. */
const PASS_OVER_MS = 2000;

/** No policy: every call goes through, once. */
export function straight(): Policy {
  return policy((run) => run());
}

/**
 * Passes a host over for two seconds after a failure that another host might not have, so that the next try goes to
 * another one: the package picks at random, and would find a hung host again.
 */
export function passOver(time: Time, isRecoverable: (error: Error) => boolean): Policy {
  let until = -Infinity;
  return policy(async (run) => {
    if (time.now() < until) throw new Error('the host failed a moment ago');
    try {
      return await run();
    } catch (error) {
      if (isRecoverable(error as Error)) until = time.now() + PASS_OVER_MS;
      throw error;
    }
  });
}

type Run = <T>(run: () => Promise<T>) => Promise<T>;

/** The package takes policies of cockatiel, of which it only ever calls `execute`. */
function policy(execute: Run): Policy {
  const silent = () => ({ dispose() {} });
  const { signal } = new AbortController();
  const made: Pick<Policy, 'onSuccess' | 'onFailure' | 'execute'> = {
    onSuccess: silent,
    onFailure: silent,
    execute: (fn) => execute(async () => fn({ signal })),
  };
  return made as Policy;
}
