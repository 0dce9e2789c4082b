import { url as inspectorUrl } from 'node:inspector';
import type { CallOptions } from '@grpc/grpc-js';
import { RookeryError, show } from '../core/errors.js';
import type { RookeryCallOptions } from './call-options.js';

/** Who set the deadline of a call that did not do so itself: it explains an error that nobody expected. */
export type DeadlineOrigin =
  | { readonly from: 'default'; readonly timeoutMs: number }
  /** The call that was being handled when this one was made. */
  | { readonly from: 'incoming' };

export interface DeadlineLimits {
  /** For calls that say nothing, ms; 0 = none. */
  readonly defaultMs: number;
  /** Of the incoming call, ms since 1970: whatever a call says, nobody waits for it any longer. */
  readonly incoming: number | undefined;
}

type Options = CallOptions & RookeryCallOptions;

/**
 * Sets the deadline of a call, in its options; says whose it is, where it is not the call's own.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function applyDeadline(
  options: Options,
  { defaultMs, incoming }: DeadlineLimits,
  place: () => string,
): DeadlineOrigin | undefined {
  const origin = applyTimeout(options, defaultMs, place);
  if (incoming === undefined || (options.deadline !== undefined && Number(options.deadline) <= incoming)) return origin;
  options.deadline = incoming;
  return { from: 'incoming' };
}

/** Node's timers, and so grpc-js, take no more; whoever asks for longer wants none, ms. */
const LONGEST_MS = 2 ** 31 - 1;

function applyTimeout(options: Options, defaultMs: number, place: () => string): DeadlineOrigin | undefined {
  const { timeoutMs, deadline } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0)) {
    throw wrongTime(`${place()}.timeoutMs`, timeoutMs, 'Use milliseconds, or 0 for none.');
  }
  if (deadline !== undefined && deadline !== null) {
    if (Number.isNaN(Number(deadline)))
      throw wrongTime(`${place()}.deadline`, deadline, 'Use a Date, or milliseconds since 1970.');
    if (Number(deadline) - Date.now() > LONGEST_MS) delete options.deadline;
    return undefined;
  }
  delete options.deadline;
  if (timeoutMs !== undefined) {
    if (timeoutMs > 0 && timeoutMs <= LONGEST_MS) options.deadline = Date.now() + timeoutMs;
    return undefined;
  }
  // Who stands at a breakpoint does not want his calls to time out.
  if (defaultMs <= 0 || inspectorUrl() !== undefined) return undefined;
  options.deadline = Date.now() + defaultMs;
  return { from: 'default', timeoutMs: defaultMs };
}

function wrongTime(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}
