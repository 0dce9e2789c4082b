import type { CallRecord, Outcome } from './call.js';
import type { Endpoint } from './endpoint.js';
import { RookeryError, show } from './errors.js';
import { checkKeys, type KeysOf } from './keys.js';
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.js';
import type { Time } from './time.js';

/** Attempts of one call in all. */
const MAX_ATTEMPTS = 3;
/** grpc-js makes no more, whatever it is told. */
const MOST_ATTEMPTS = 5;
const OK = 0;
const UNAVAILABLE = 14;

export interface RetryOptions {
  /** Attempts of one call in all, 1 to 5; default 3. */
  readonly maxAttempts?: number;
  /** How many retries all calls of the client may cause; default 20 % of the calls and 10 a second. */
  readonly budget?: RetryBudgetOptions;
}

/**
 * What a client sends again. `'idempotent'`, the default: whatever surely was not processed, and calls marked
 * `idempotent` also where UNAVAILABLE leaves that open. `false`: only what grpc-js itself sends again, once, since the
 * server refused it.
 */
export type Retry = 'idempotent' | false | RetryOptions;

const KEYS: KeysOf<RetryOptions> = { maxAttempts: true, budget: true };
const BUDGET_KEYS: KeysOf<RetryBudgetOptions> = { ratio: true, perSecond: true };

/** @throws {RookeryError} ROOKERY_OPTION_INVALID */
export function checkRetry(retry: unknown, path: string): Retry {
  if (retry === 'idempotent' || retry === false) return retry;
  if (typeof retry !== 'object' || retry === null) {
    throw wrong(path, retry, "Use 'idempotent', false, or { maxAttempts, budget }.");
  }
  checkKeys(retry, KEYS, path);
  const { maxAttempts = MAX_ATTEMPTS, budget = {} } = retry as RetryOptions;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > MOST_ATTEMPTS) {
    throw wrong(`${path}.maxAttempts`, maxAttempts, `Use a whole number from 1 to ${MOST_ATTEMPTS}.`);
  }
  checkKeys(budget, BUDGET_KEYS, `${path}.budget`);
  for (const [key, value] of Object.entries(budget) as [string, unknown][]) {
    if (typeof value !== 'number' || !(value >= 0) || value === Infinity)
      throw wrong(`${path}.budget.${key}`, value, 'Use a number of at least 0.');
    if (key === 'ratio' && value > 1)
      throw wrong(`${path}.budget.ratio`, value, 'Use a share of the calls, 0 to 1: 0.2 is 20 %.');
  }
  return retry;
}

function wrong(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}

/** How many attempts a call may have in all. */
export function attemptsOf(retry: Retry = 'idempotent'): number {
  if (retry === false) return 1;
  return retry === 'idempotent' ? MAX_ATTEMPTS : (retry.maxAttempts ?? MAX_ATTEMPTS);
}

/** Decides which calls are sent again: never one that might run twice, unless it was marked to bear that. */
export class RetryRule {
  readonly #maxAttempts: number;
  readonly #budget: RetryBudget;

  /** @param retry `'own'` where whoever makes the attempts decides for himself */
  constructor(
    private readonly retry: Retry | 'own',
    time: Time,
  ) {
    this.#maxAttempts = retry === 'own' ? Infinity : attemptsOf(retry);
    this.#budget = new RetryBudget(time, typeof retry === 'object' ? retry.budget : {});
  }

  /** An attempt begins. */
  started(call: CallRecord): void {
    call.attempts += 1;
    if (call.attempts === 1) this.#budget.deposit(call.madeAt);
  }

  /**
   * Says whether the call is to be sent again, and has its next pick pass over the endpoint.
   * @param others whether there is anybody else to send it to: a retry that finds nobody would still cost the others one
   */
  ended(call: CallRecord, endpoint: Endpoint, outcome: Outcome, others: boolean): boolean {
    const { code, processed } = outcome;
    if (this.retry === 'own' && code !== OK) {
      passOver(call, endpoint);
      return true;
    }
    const again = this.#allows(call, outcome, others);
    // What a server refused is sent again by grpc-js, whatever is said here.
    if (again || !processed) passOver(call, endpoint);
    else call.ended = true;
    if (again && processed) {
      call.processed = true;
      call.resent = (call.resent ?? 0) + 1;
    }
    return again;
  }

  #allows(call: CallRecord, { code, processed, pushedBack }: Outcome, others: boolean): boolean {
    if (call.attempts >= this.#maxAttempts || pushedBack) return false;
    const may = processed ? code === UNAVAILABLE && call.idempotent === true && others : code !== OK;
    return may && this.#budget.withdraw();
  }
}

/** Begins anew with a call that has ended: an interceptor that tries again means another call. */
export function restart(call: CallRecord): void {
  call.attempts = 0;
  call.ended = call.processed = false;
  call.resent = 0;
  delete call.skip;
}

/** The next picks of a call take another endpoint, or this one once it is connected anew. */
function passOver(call: CallRecord, endpoint: Endpoint): void {
  const { connections } = endpoint;
  const before = call.skip;
  call.skip = (other) => (other === endpoint && other.connections === connections) || (before?.(other) ?? false);
}
