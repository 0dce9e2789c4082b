import type { CallRecord, Outcome } from './call.js';

/** What the end of a call says of the instance that it ran on; `nothing` where it was not up to the instance. */
export type Verdict = 'answered' | 'failed' | 'nothing';

/** A deadline below this says more of the caller than of the instance, ms. */
const FAIR_MS = 250;
/** What an attempt must have had of it: all, but for the way to its start, ms. */
const ATTEMPT_MS = 200;

const CANCELLED = 1;
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;

/**
 * Whether an instance did its part. UNAVAILABLE is a failure, and DEADLINE_EXCEEDED of a deadline of 250 ms or more, where the
 * attempt itself had most of that: the last one of a call may have had only what the others left. A stream may well be meant to end with its
 * deadline, and a stream that was refused comes from somebody who is there and takes no more. Any other status is an
 * answer, whatever the application means by it.
 */
export function judge(call: CallRecord, { code, processed, ms }: Outcome): Verdict {
  if (code === CANCELLED || !processed) return 'nothing';
  if (code === UNAVAILABLE) return 'failed';
  if (code !== DEADLINE_EXCEEDED) return 'answered';
  return call.unary !== false && (call.timeoutMs ?? 0) >= FAIR_MS && ms >= ATTEMPT_MS ? 'failed' : 'nothing';
}
