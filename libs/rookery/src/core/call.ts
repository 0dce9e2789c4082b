import type { Endpoint } from './endpoint.js';
import type { ServiceInstance } from './instance.js';
import type { RookeryErrorCode } from './errors.js';
import type { PickRequest } from './picker.js';

/**
 * What one call asks of a balancer, and what became of it: captured when the call is made, shared by all its attempts.
 */
export interface CallRecord extends PickRequest<Endpoint> {
  /** The groups that the call itself names, in order; absent where it names none. */
  readonly groups?: readonly string[] | undefined;
  /** The groups that its client names. */
  readonly clientGroups?: readonly string[] | undefined;
  /** A soft preference for the group of this name, unless the call names groups itself. */
  readonly lane?: string | undefined;
  /** Waits where it would fail for want of an instance. */
  readonly waitForReady?: boolean | undefined;
  /** May be run twice. */
  readonly idempotent?: boolean | undefined;
  /** One request, one answer: how long it takes says how busy its instance is. */
  readonly unary?: boolean | undefined;
  /** What it was given when it was made, ms; absent where it has no deadline. */
  readonly timeoutMs?: number | undefined;
  /** Monotonic ms; Infinity where there is none. */
  readonly deadline: number;
  /** When it was made, monotonic ms; absent where nobody captured it. */
  readonly madeAt?: number | undefined;
  /** What it waits for, since its last pick; absent where it has an instance. */
  waitingFor?: Waiting | undefined;
  /** When it began to wait for a group that is only connecting. */
  waitingSince?: number;
  /** The group that a split has given it. */
  drawn?: string;
  /** It has ended for whoever sent it; an interceptor of the user's may send it anew. */
  ended?: boolean;
  /** Attempts that were started so far. */
  attempts: number;
  /** A handler may have seen it, and it is sent again for all that: never to the same one. */
  processed?: boolean;
  /** How often it was sent again for all that. */
  resent?: number;
  /** Passes over endpoints that it was sent to already. */
  skip?: ((endpoint: Endpoint) => boolean) | undefined;
  /** Who was picked last, as the registry had it then. */
  instance?: ServiceInstance | undefined;
}

/** What a call waits for: the registry's first answer, a connection, or (`waitForReady`) an instance at all. */
export type Waiting = 'registry' | 'connection' | 'instance';

/** How one attempt of a call ended. */
export interface Outcome {
  /** The gRPC status code. */
  readonly code: number;
  /** Whether a handler may have seen it; where not, sending it again cannot run it twice. */
  readonly processed: boolean;
  /** The server said that it is not to be sent again (gRFC A6). */
  readonly pushedBack?: boolean | undefined;
  /** From its start to its end. */
  readonly ms: number;
  /** When it ended, monotonic ms; default now, which costs a look at the clock. */
  readonly at?: number;
}

/** Why a call cannot be served, as `reason` of a call error. */
export const CALL_REASONS = {
  ROOKERY_INSTANCE_NONE: 'The service has no instance.',
  ROOKERY_GROUP_MISSING: 'The service has instances, but none usable in the groups of the call.',
  ROOKERY_VIEW_FAILED: 'The registry refused the service for good.',
  ROOKERY_QUEUE_FULL: 'Too many calls wait for an instance.',
  ROOKERY_CALL_TIMEOUT: 'The deadline passed.',
  ROOKERY_HASH_KEY_MISSING: 'The client picks by the key of a call, and the call has none.',
  ROOKERY_PICKER_FAILED: 'The picker of the client threw, or chose an instance that it was not given.',
} as const;

export type CallReason = keyof typeof CALL_REASONS;

/** Why a call failed, and what it is told. */
export interface CallFailure {
  /** The code of a set-up error where an option of the call is wrong. */
  readonly reason: CallReason | RookeryErrorCode;
  readonly service: string;
  readonly details: string;
}

export type PickResult<E> = { readonly pick: E } | { readonly wait: true } | { readonly fail: CallFailure };
