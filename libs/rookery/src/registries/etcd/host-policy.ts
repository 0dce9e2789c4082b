import type { IOptions } from 'etcd3';
import { messageOf } from '../../core/errors.js';
import type { Time } from '../../core/time.js';

type Policies = NonNullable<IOptions['faultHandling']>;
type Policy = NonNullable<Policies['global']>;
type IsRecoverable = (error: Error) => boolean;

/** How long a host that failed is passed over, ms. */
const PASS_OVER_MS = 2000;
/** After this long without an answer, another host is asked as well, ms. */
const SLOW_MS = 1000;

/**
 * What becomes of calls: the loops retry, so that a single host is asked once. Of several, those that fail or are slow
 * must not be noticed: the others are asked, too.
 * @param isRecoverable whether another host might answer differently
 */
export function hostPolicies(hosts: number, time: Time, isRecoverable: IsRecoverable): Policies {
  if (hosts === 1) return { global: straight(), host: straight };
  const all: HostState[] = [];
  return { global: failOver(hosts, time, isRecoverable), host: () => passOver(all, time, isRecoverable) };
}

/** No policy: every call goes through, once. */
function straight(): Policy {
  return policy((run) => run());
}

interface HostState {
  until: number;
  fault: unknown;
  /** Since when calls wait for its answer. */
  readonly waiting: Set<{ readonly since: number }>;
}

/**
 * Passes a host over for two seconds after a failure that another host might not have, or when another one answers while
 * it is silent: the package picks at random, and would find a hung host again.
 */
function passOver(all: HostState[], time: Time, isRecoverable: IsRecoverable): Policy {
  const self: HostState = { until: -Infinity, fault: undefined, waiting: new Set() };
  all.push(self);
  const blame = (host: HostState, fault: unknown) => {
    host.fault = fault;
    host.until = time.now() + PASS_OVER_MS;
  };
  return policy(async (run) => {
    if (time.now() < self.until) throw new PassedOver(self.fault);
    const call = { since: time.now() };
    self.waiting.add(call);
    try {
      const answer = await run();
      if (!isStream(answer)) {
        const late = time.now() - SLOW_MS;
        for (const host of all)
          if (host !== self && [...host.waiting].some(({ since }) => since <= late))
            blame(host, new Error(`a host of etcd did not answer within ${SLOW_MS} ms`));
      }
      return answer;
    } catch (error) {
      if (isRecoverable(error as Error)) blame(self, error);
      throw error;
    } finally {
      self.waiting.delete(call);
    }
  });
}

/** That a stream was made says nothing of the host: it need not even be connected. */
function isStream(answer: unknown): boolean {
  return typeof (answer as { readonly write?: unknown } | undefined)?.write === 'function';
}

/**
 * Makes a call at host after host, the next one as soon as one fails or is slow; the first answer counts. That a call may
 * be done twice is no harm: our writes compare with what they expect, and know their own.
 */
function failOver(hosts: number, time: Time, isRecoverable: IsRecoverable): Policy {
  return policy(
    (run) =>
      new Promise((resolve, reject) => {
        let left = hosts;
        let running = 0;
        let slow: Disposable | undefined;
        const attempt = () => {
          slow?.[Symbol.dispose]();
          left -= 1;
          running += 1;
          slow = left > 0 ? time.after(SLOW_MS, attempt) : undefined;
          run().then(answered, failed);
        };
        const answered = (answer: Parameters<typeof resolve>[0]) => {
          left = 0;
          slow?.[Symbol.dispose]();
          resolve(answer);
        };
        const failed = (error: Error) => {
          running -= 1;
          // Nobody is left to be asked, but some may still answer.
          if (error instanceof PassedOver) left = 0;
          else if (!isRecoverable(error)) left = running = 0;
          if (left > 0) return attempt();
          slow?.[Symbol.dispose]();
          if (running <= 0) reject(error);
        };
        attempt();
      }),
  );
}

/** Not an error of this call, and no reason to break the host's connections: it is just not asked. */
class PassedOver extends Error {
  override readonly name = 'PassedOver';

  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
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
