import type { CallOptions } from '@grpc/grpc-js';
import { RookeryError, show } from '../core/errors.js';
import { nearest, type KeysOf } from '../core/keys.js';

/** What a call may say beside grpc-js's own options. */
export interface RookeryCallOptions {
  /** A group, or groups in order of preference; strict. `'*'` is any, `UNGROUPED` the ungrouped. */
  readonly group?: string | readonly string[];
  /** Milliseconds; 0 = none. Default 5000 for unary calls, none for streams. */
  readonly timeoutMs?: number;
  /** Waits, until the deadline, where the call would fail for want of an instance. Default false. */
  readonly waitForReady?: boolean;
  /**
   * Says that the call may be run twice: where it fails with UNAVAILABLE it is sent again, to another instance. Default:
   * what the method's `idempotency_level` says in its .proto, else false.
   */
  readonly idempotent?: boolean;
  /** Calls with the same key go to the same instance, where the client's `balancer` is consistent hashing. */
  readonly hashKey?: string;
}

const KEYS: KeysOf<RookeryCallOptions & CallOptions> = {
  group: true,
  timeoutMs: true,
  waitForReady: true,
  idempotent: true,
  hashKey: true,
  deadline: true,
  host: true,
  parent: true,
  propagate_flags: true,
  credentials: true,
  interceptors: true,
  interceptor_providers: true,
};

/** Beside those, what `AsyncClient` takes. */
const NAMES = [...Object.keys(KEYS), 'signal', 'metadata'];

/** Keys that are like none of ours: an interceptor of the user may read them, as grpc-js lets it. */
const others = new Set(NAMES);
const REMEMBERED = 1000;

/**
 * Refuses what would be taken for true, whatever was meant.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function checkFlags(options: RookeryCallOptions, place: () => string): void {
  checkFlag(options.idempotent, 'idempotent', place);
  checkFlag(options.waitForReady, 'waitForReady', place);
}

function checkFlag(value: unknown, key: string, place: () => string): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw wrong(`${place()}.${key}`, `found ${show(value)}.`, 'Use true or false.');
}

/**
 * Refuses what looks like a misspelt option of ours: a call whose `group` nobody reads reaches the instances that it was
 * to be kept from.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function checkCallOptions(options: object, place: () => string): void {
  for (const key in options) {
    if (others.has(key)) continue;
    const remedy = remedyFor(key);
    if (remedy !== undefined) throw wrong(`${place()}.${key}`, 'there is no such option.', remedy);
    if (others.size < REMEMBERED) others.add(key);
  }
}

function remedyFor(key: string): string | undefined {
  // A lane holds for what is called from there, too, which an option of one call cannot say.
  if (key === 'lane') return 'Make the call in the lane: withLane(lane, () => …).';
  const near = nearest(NAMES, key);
  return near && `Did you mean \`${near}\`?`;
}

function wrong(path: string, found: string, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found, remedy });
}
