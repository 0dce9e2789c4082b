import { status, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { withoutAddresses } from '../core/call-failure.js';
import type { CallFailure, CallRecord, Waiting } from '../core/call.js';
import { shared } from '../system/shared.js';
import type { DeadlineOrigin } from './call-deadline.js';

/** A gRPC ServiceError that also says what Rookery knows of the call. */
export interface RookeryCallError extends ServiceError {
  /** Why Rookery could not serve it; absent where the status is the server's own. */
  readonly reason?: CallFailure['reason'];
  readonly service: string;
  /** The id of the instance that was asked last. */
  readonly instance?: string;
  readonly attempts: number;
}

/** Tells a failed call from any other error. */
export function isCallError(error: unknown): error is RookeryCallError {
  return (
    error instanceof Error &&
    typeof (error as Partial<RookeryCallError>).code === 'number' &&
    'service' in error &&
    'attempts' in error
  );
}

// grpc-js copies code, details and metadata of a failed pick, and nothing else: the metadata object is the thread.
const failures = shared('failures', () => new WeakMap<Metadata, CallFailure>());

export function rememberFailure(metadata: Metadata, failure: CallFailure): Metadata {
  failures.set(metadata, failure);
  return metadata;
}

export interface CallContext {
  readonly service: string;
  readonly record?: CallRecord;
  /** Absent where the call set its deadline itself, or has none. */
  readonly deadlineOrigin?: DeadlineOrigin | undefined;
  /** The registry's URL without secrets. */
  readonly registry?: string | undefined;
}

/** Adds what is known of the call to the very error that grpc-js made. */
export function describeError<E extends Partial<ServiceError>>(
  error: E,
  { service, record, deadlineOrigin, registry }: CallContext,
): E & RookeryCallError {
  const described = error as E & { -readonly [K in keyof RookeryCallError]: RookeryCallError[K] };
  const failure = error.metadata && failures.get(error.metadata);
  const reason =
    failure?.reason ?? (error.code === status.DEADLINE_EXCEEDED && record ? 'ROOKERY_CALL_TIMEOUT' : undefined);
  if (reason) described.reason = reason;
  described.service = service;
  if (record?.instance) described.instance = record.instance.id;
  described.attempts = record?.attempts ?? 0;
  if (reason === 'ROOKERY_CALL_TIMEOUT' && record?.waitingFor)
    described.message += `: ${service}: ${whatIsMissing(record.waitingFor, registry)}`;
  if (reason === 'ROOKERY_CALL_TIMEOUT' && deadlineOrigin) described.message += ` (${explain(deadlineOrigin)})`;
  return described;
}

/** What the time passed with, where no instance ever had the call. */
function whatIsMissing(waiting: Waiting, registry: string | undefined): string {
  if (waiting === 'registry') return `the registry ${withoutAddresses(registry ?? '')} has not answered yet`;
  return waiting === 'connection' ? 'no instance was connected yet' : 'there was no usable instance';
}

function explain(origin: DeadlineOrigin): string {
  return origin.from === 'default'
    ? `the default of ${origin.timeoutMs} ms: set timeoutMs for the call or the client, 0 for none`
    : 'the deadline of the incoming call that it was made for: its client waits no longer. Give that call more time, or run what outlives it in detached()';
}
