import { url as inspectorUrl } from 'node:inspector';
import type { CallOptions } from '@grpc/grpc-js';
import { RookeryError, show } from '../core/errors.js';
import type { RookeryCallOptions } from './call-options.js';

/** Who set the deadline of a call that did not do so itself: it explains an error that nobody expected. */
export type DeadlineOrigin =
  | { readonly from: 'default'; readonly timeoutMs: number }
  /** The call that was being handled when this one was made. */
  | { readonly from: 'incoming' };

/** How long a call has. */
export interface CallTime {
  /** From when it was made, ms; absent where it has no deadline. */
  readonly timeoutMs?: number | undefined;
  /** Where it was given as a point in time; ms since 1970, or a Date. */
  readonly deadline?: CallOptions['deadline'] | undefined;
  /** Absent where the call set its deadline itself, or has none. */
  readonly origin?: DeadlineOrigin | undefined;
}

export interface DeadlineLimits {
  /** Only these have a default. */
  readonly unary: boolean;
  /** Of the incoming call, ms since 1970: whatever a call says, nobody waits for it any longer. */
  readonly incoming: number | undefined;
}

type Options = CallOptions & RookeryCallOptions;

/** Node's timers, and so grpc-js, take no more; whoever asks for longer wants none, ms. */
const LONGEST_MS = 2 ** 31 - 1;
const ENDLESS: CallTime = {};

/** How long the calls of a client have. */
export class CallTimes {
  readonly #default: CallTime;

  /** @param defaultMs for unary calls that say nothing, ms; 0 = none */
  constructor(defaultMs: number) {
    this.#default = { timeoutMs: defaultMs, origin: { from: 'default', timeoutMs: defaultMs } };
  }

  /** @throws {RookeryError} ROOKERY_OPTION_INVALID */
  of(options: Options, { unary, incoming }: DeadlineLimits, place: () => string): CallTime {
    const own = this.#own(options, unary, place);
    if (incoming === undefined) return own;
    const now = Date.now();
    const deadline = own.deadline ?? (own.timeoutMs === undefined ? undefined : now + own.timeoutMs);
    if (deadline !== undefined && Number(deadline) <= incoming) return own;
    return { timeoutMs: incoming - now, deadline: incoming, origin: { from: 'incoming' } };
  }

  #own({ timeoutMs, deadline }: Options, unary: boolean, place: () => string): CallTime {
    if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0)) {
      throw wrongTime(`${place()}.timeoutMs`, timeoutMs, 'Use milliseconds, or 0 for none.');
    }
    if (deadline !== undefined && deadline !== null) {
      if (Number.isNaN(Number(deadline)))
        throw wrongTime(`${place()}.deadline`, deadline, 'Use a Date, or milliseconds since 1970.');
      const left = Number(deadline) - Date.now();
      return left > LONGEST_MS ? ENDLESS : { timeoutMs: left, deadline };
    }
    if (timeoutMs !== undefined) return timeoutMs > 0 && timeoutMs <= LONGEST_MS ? { timeoutMs } : ENDLESS;
    // Who stands at a breakpoint does not want his calls to time out.
    if (!unary || this.#default.timeoutMs === 0 || inspectorUrl() !== undefined) return ENDLESS;
    return this.#default;
  }
}

function wrongTime(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}
