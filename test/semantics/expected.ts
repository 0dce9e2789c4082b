import { status } from '@grpc/grpc-js';

interface Details {
  readonly metadata?: object;
  readonly reason?: string;
  readonly instance?: boolean;
  readonly attempts?: number;
  readonly cause?: string;
  /** Behind the details in the message. */
  readonly note?: string;
}

/** What HTTP/2 and gRPC add to an answer that has no message. */
export const HEADERS = { 'content-type': ['application/grpc+proto'], date: '#' };

/** The record of a call that failed with a status. */
export function failed(code: status, details: string, more: Details = {}): object {
  const { metadata = {}, reason, instance = true, attempts = 1, cause, note = '' } = more;
  const optional = { ...(reason !== undefined && { reason }), ...(cause !== undefined && { cause }) };
  const keys = ['attempts', 'code', 'details', 'metadata', 'service', ...Object.keys(optional)];
  return {
    error: {
      class: 'Error',
      code,
      details,
      message: `${code} ${status[code]}: ${details}${note}`,
      metadata,
      service: 'semantics',
      instance,
      attempts,
      isCallError: true,
      ...optional,
      keys: [...keys, ...(instance ? ['instance'] : [])].toSorted(),
    },
  };
}

export const TIMED_OUT = failed(status.DEADLINE_EXCEEDED, 'Deadline exceeded after #s,remote_addr=127.0.0.1:#', {
  reason: 'ROOKERY_CALL_TIMEOUT',
});

export const CANCELLED = failed(status.CANCELLED, 'Cancelled on client');

/** Of a call whose deadline was not its own. */
export const BY_DEFAULT = ' (the default of 5000 ms: set timeoutMs for the call or the client, 0 for none)';
