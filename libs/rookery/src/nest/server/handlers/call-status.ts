import { status, type Metadata } from '@grpc/grpc-js';
import { RpcException } from '@nestjs/microservices';
import { statusOfHttp } from './http-status.js';

/** What grpc-js makes the status of a call of. */
export interface CallStatus {
  readonly code?: status;
  readonly message: string;
  readonly details?: string;
  readonly metadata?: Metadata;
}

/** A failure whose status is settled. Of Nest's own kind, or it would be logged as an error that nobody expected. */
export class Refusal extends RpcException {
  constructor(readonly status: CallStatus) {
    super(status);
  }
}

/** Nest's words for an exception that nobody caught, and for a guard that says no. */
const UNKNOWN_EXCEPTION = 'Internal server error';
const FORBIDDEN = 'Forbidden resource';

/**
 * The status of what Nest gave for an exception: that of the exception where no filter caught it, else what the filter
 * gave.
 */
export function statusOf(given: unknown, thrown: unknown): CallStatus {
  if (isStock(given, FORBIDDEN)) return { code: status.PERMISSION_DENIED, message: FORBIDDEN };
  if (isStock(given, UNKNOWN_EXCEPTION)) return statusOfException(thrown) ?? given;
  return statusOfException(given) ?? (isObject(given) ? (given as unknown as CallStatus) : unknown());
}

/** The status of what no filter has seen; the text of an unknown error is not for clients. */
export function statusOfUnseen(exception: unknown): CallStatus | undefined {
  return exception instanceof Refusal ? exception.status : statusOfException(exception);
}

export function unknown(): CallStatus {
  return { code: status.UNKNOWN, message: UNKNOWN_EXCEPTION };
}

/** Of exceptions of Nest; by their methods, since two copies of a package have two classes. */
function statusOfException(exception: unknown): CallStatus | undefined {
  if (!(exception instanceof Error)) return undefined;
  const { getStatus, getResponse, getError } = exception as unknown as Record<string, unknown>;
  if (typeof getStatus === 'function' && typeof getResponse === 'function') {
    const message = messageOf(getResponse.call(exception), exception.message);
    return { code: statusOfHttp(Number(getStatus.call(exception))), message };
  }
  if (typeof getError !== 'function') return undefined;
  const error: unknown = getError.call(exception);
  return isObject(error) ? (error as unknown as CallStatus) : { code: status.UNKNOWN, message: String(error) };
}

/** A ValidationPipe gives a list. */
function messageOf(response: unknown, message: string): string {
  const own = isObject(response) ? response['message'] : response;
  if (Array.isArray(own)) return own.join(', ');
  return typeof own === 'string' ? own : message;
}

function isStock(given: unknown, message: string): given is CallStatus {
  return isObject(given) && given['status'] === 'error' && given['message'] === message && !('code' in given);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
