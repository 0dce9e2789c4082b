import type { CallOptions, Metadata } from '@grpc/grpc-js';
import type { CallFailure, CallRecord } from '../core/call.js';
import { RookeryError } from '../core/errors.js';
import type { HashKeySource } from '../core/picker.js';
import { checkGroups } from '../core/route.js';
import type { Time } from '../core/time.js';
import { CallTimes, type CallTime } from './call-deadline.js';
import { checkCallOptions, checkFlags, type RookeryCallOptions } from './call-options.js';
import type { GrpcCall } from './call-record.js';
import { hashKeyOf } from './hash-key.js';
import { currentContext, noteClient, type RequestContext } from './request-context.js';

export interface CaptureOptions {
  /** Used for calls that name no group. */
  readonly groups?: readonly string[] | undefined;
  /** For unary calls that name no timeout, ms; 0 = none. */
  readonly timeoutMs: number;
  /** For every call that says nothing else. */
  readonly waitForReady?: boolean | undefined;
  /** Paths of methods whose calls may run twice. */
  readonly idempotentMethods?: ReadonlySet<string> | undefined;
  /** Where every call needs a key. */
  readonly hashKey?: HashKeySource | undefined;
  readonly time: Time;
  /** The registry's URL without secrets; absent where the calls need none. */
  readonly registry?: string | undefined;
}

/** What is called. */
export interface Invocation {
  readonly service: string;
  /** `/package.Service/Method` */
  readonly path: string;
  readonly unary: boolean;
  /** Absent where the call has none. */
  readonly metadata?: Metadata | undefined;
}

/** A call as it was made. */
export interface Captured {
  readonly record: GrpcCall;
  readonly time: CallTime;
  /** What it is told instead of being made. */
  readonly failure?: CallFailure | undefined;
  /** That of the code that made it. */
  readonly made: RequestContext | undefined;
}

type Wanted = Pick<CallRecord, 'groups' | 'hashKey'>;
type Options = CallOptions & RookeryCallOptions;
const NOTHING: Wanted = {};

/**
 * Captures what a call wants, synchronously when it is made: a queued call is picked in whatever context happened to
 * wake the channel, and a lane read there would be another request's.
 */
export class CallCapture {
  readonly #times: CallTimes;

  constructor(readonly defaults: CaptureOptions) {
    noteClient();
    this.#times = new CallTimes(defaults.timeoutMs);
  }

  /** @throws {RookeryError} ROOKERY_OPTION_INVALID */
  capture(options: Options, invocation: Invocation): Captured {
    const { unary } = invocation;
    const place = () => placeOf(invocation);
    checkCallOptions(options, place);
    const made = currentContext();
    const time = this.#times.of(options, { unary, incoming: made?.deadline }, place);
    const wanted = this.#wantedBy(options, invocation, place);
    if ('reason' in wanted) {
      return {
        record: this.#recordOf(options, invocation, { made, time, wanted: NOTHING }),
        time,
        failure: wanted,
        made,
      };
    }
    return { record: this.#recordOf(options, invocation, { made, time, wanted }), time, failure: undefined, made };
  }

  #recordOf(
    options: Options,
    { path, unary, metadata }: Invocation,
    parts: { readonly made: RequestContext | undefined; readonly time: CallTime; readonly wanted: Wanted },
  ): GrpcCall {
    const { groups: clientGroups, waitForReady, idempotentMethods, time } = this.defaults;
    const { timeoutMs } = parts.time;
    const madeAt = time.now();
    // Every field has its place from the start: calls are made by the hundred thousand.
    return {
      groups: parts.wanted.groups,
      hashKey: parts.wanted.hashKey,
      clientGroups,
      lane: parts.made?.lane,
      waitForReady: options.waitForReady ?? metadata?.getOptions().waitForReady ?? waitForReady,
      idempotent: options.idempotent ?? idempotentMethods?.has(path),
      unary,
      timeoutMs,
      madeAt,
      deadline: timeoutMs === undefined ? Infinity : madeAt + timeoutMs,
      attempts: 0,
      ended: false,
      instance: undefined,
      skip: undefined,
      preset: undefined,
    };
  }

  /** What is computed anew for each call, often of what somebody else has sent: the call fails where it is wrong. */
  #wantedBy(options: Options, { service, metadata }: Invocation, place: () => string): Wanted | CallFailure {
    const { hashKey: source, registry } = this.defaults;
    const { group, hashKey } = options;
    try {
      if (registry === undefined) refuseWithoutDiscovery({ group, hashKey }, place);
      checkFlags(options, place);
      if (group === undefined && hashKey === undefined && !source) return NOTHING;
      const groups = group === undefined ? undefined : checkGroups(group, `${place()}.group`);
      if (hashKey === undefined && !source) return { groups };
      const key = hashKeyOf(hashKey, { metadata, source, place });
      return key === undefined && source ? hashKeyMissing(service, source) : { groups, hashKey: key };
    } catch (error) {
      if (!(error instanceof RookeryError)) throw error;
      return { reason: error.code, service, details: error.message };
    }
  }
}

function placeOf({ service, path }: Invocation): string {
  return `call of ${service} (${path.slice(1)}), options`;
}

/** A target of grpc-js's own has no groups: a call that names one would reach whoever is there. */
function refuseWithoutDiscovery(options: object, place: () => string): void {
  const [key] = Object.entries(options).find(([, value]) => value !== undefined) ?? [];
  if (key === undefined) return;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: `${place()}.${key}`,
    found: 'the client has a `url`, which bypasses discovery.',
    remedy: `Leave out \`${key}\`, or the \`url\` of the client.`,
  });
}

function hashKeyMissing(service: string, { header }: HashKeySource): CallFailure {
  const set = header === undefined ? 'Set `hashKey`' : `Set the header ${JSON.stringify(header)} or \`hashKey\``;
  const details = `${service}: the call has no key, and its client picks by one. ${set} for the call.`;
  return { reason: 'ROOKERY_HASH_KEY_MISSING', service, details };
}
