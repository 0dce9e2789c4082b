import { Metadata, status, type ServerUnaryCall, type ServiceError } from '@grpc/grpc-js';
import { isCallError } from 'rookery';

/** Whatever a caller or a handler saw, as JSON; only ports, ids, dates and durations are made alike. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [key: string]: Plain };

/** How a call ended, as its caller sees it. */
export type Outcome = { readonly answer: Plain } | { readonly error: ErrorRecord };

export interface ErrorRecord {
  /** The name of its class. */
  readonly class: string;
  readonly code: number;
  readonly details: string;
  readonly message: string;
  readonly metadata: Plain;
  /** Absent where the status is the server's own. */
  readonly reason?: string;
  readonly service?: string;
  /** Whether it is named. */
  readonly instance: boolean;
  readonly attempts?: number;
  readonly isCallError: boolean;
  readonly cause?: Plain;
  /** Its own enumerable ones. */
  readonly keys: readonly string[];
}

export function outcomeOf(answer: Promise<unknown>): Promise<Outcome> {
  return answer.then((value) => ({ answer: plain(value) }), errorRecord);
}

export function errorRecord(given: unknown): { readonly error: ErrorRecord } {
  if (!(given instanceof Error)) return { error: plain(given) as unknown as ErrorRecord };
  const error = ofTheClient(given as ServiceError & Partial<Pick<ErrorRecord, 'reason' | 'service' | 'attempts'>>);
  const { code, details, reason, service, attempts, cause } = error;
  return {
    error: {
      class: error.constructor.name,
      code,
      details: normal(details ?? ''),
      message: normal(error.message),
      metadata: plain(withoutHttp(error.metadata)),
      ...(reason !== undefined && { reason }),
      ...(service !== undefined && { service }),
      instance: typeof (error as { instance?: unknown }).instance === 'string',
      ...(attempts !== undefined && { attempts }),
      isCallError: isCallError(error),
      ...(cause !== undefined && { cause: plain(cause) }),
      keys: Object.keys(error).toSorted(),
    },
  };
}

/** What HTTP/2 says of a response is no metadata of gRPC, and only there where a call has a response of its own. */
function withoutHttp(metadata: Metadata | undefined): Metadata | undefined {
  const left = metadata?.clone();
  for (const name of ['content-type', 'date']) left?.remove(name);
  return left;
}

/** The timers of client and server race for a deadline, and the server says less. */
function ofTheClient<E extends ServiceError>(error: E): E {
  if (error.code !== status.DEADLINE_EXCEEDED || error.details !== 'Deadline exceeded') return error;
  const details = 'Deadline exceeded after 0.000s,remote_addr=127.0.0.1:0';
  const message = error.message.replace(error.details, details);
  return Object.assign(error, { details, message, metadata: new Metadata() });
}

/** What a handler sees of its call, beside the message. */
export function seen(metadata: Metadata, call: ServerUnaryCall<unknown, unknown>): Plain {
  const deadline = call.getDeadline();
  return {
    path: call.getPath(),
    host: normal(call.getHost()),
    peer: normal(call.getPeer()),
    deadline: deadline === Infinity ? 'none' : deadline instanceof Date ? 'Date' : typeof deadline,
    cancelled: call.cancelled,
    metadata: plain(metadata),
    isMetadata: metadata instanceof Metadata,
    isThatOfTheCall: metadata === call.metadata,
  };
}

/** Buffers as hex, metadata as all of its values, and errors as their text. */
export function plain(value: unknown): Plain {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return normal(value);
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : `number ${value}`;
  if (typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return `hex ${Buffer.from(value).toString('hex')}`;
  if (value instanceof Date) return 'a Date';
  if (value instanceof Error) return `${value.name}: ${normal(value.message)}`;
  if (value instanceof Metadata) return entriesOf(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  return `a ${typeof value}`;
}

/** In the order of their names: that of HTTP/2 says nothing. */
function entriesOf(metadata: Metadata): Plain {
  const entries = Object.entries(metadata.toJSON()).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, values]) => [key, key === 'date' ? '#' : plain(values)]));
}

/** Without ports, versions and durations. */
function normal(text: string): string {
  return (
    text
      .replace(/(127\.0\.0\.1|localhost|\[?::1\]?):\d+/g, '$1:#')
      .replace(/\d+\.\d+s\b/g, '#s')
      // grpc-js names the steps of a call that took a millisecond or more.
      .replace(/(after #s,)(?:[\w ]+: #s,)+/, '$1')
      .replace(/grpc-node-js\/[\d.]+/g, 'grpc-node-js/#')
  );
}
