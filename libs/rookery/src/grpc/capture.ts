import {
  Channel,
  type CallInvocationTransformer,
  type CallOptions,
  type CallProperties,
  Metadata,
  type requestCallback,
  type ServiceError,
  status,
  type StatusObject,
} from '@grpc/grpc-js';
import type { CallFailure, CallRecord } from '../core/call.js';
import { RookeryError } from '../core/errors.js';
import type { HashKeySource } from '../core/picker.js';
import { checkGroups } from '../core/route.js';
import type { Time } from '../core/time.js';
import { applyDeadline, type DeadlineOrigin } from './call-deadline.js';
import { describeError, rememberFailure, type CallContext } from './call-error.js';
import { checkCallOptions, checkFlags, type RookeryCallOptions } from './call-options.js';
import { withRecord } from './call-record.js';
import { endedChannel } from './ended-call.js';
import { hashKeyOf } from './hash-key.js';
import { currentLane, LANE_HEADER } from './lane.js';
import { currentContext, inContext, type RequestContext } from './request-context.js';

type AnyChannel = CallProperties<unknown, unknown>['channel'];

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

/**
 * Captures what a call wants, synchronously when it is made: a queued call is picked in whatever context happened to
 * wake the channel, and a lane read there would be another request's. What hears of the call is brought back to the
 * context in which it was made.
 */
export function captureCall(defaults: CaptureOptions): CallInvocationTransformer {
  return (properties: CallProperties<unknown, unknown>) => {
    assertOneGrpc(properties.channel);
    const { methodDefinition, callback, channel } = properties;
    const place = () => `call of ${serviceOf(channel)} (${methodDefinition.path.slice(1)}), options`;
    const options: CallOptions & RookeryCallOptions = { ...properties.callOptions };
    checkCallOptions(options, place);
    const made = currentContext();
    const limits = { defaultMs: isUnary(methodDefinition) ? defaults.timeoutMs : 0, incoming: made?.deadline };
    const deadlineOrigin = applyDeadline(options, limits, place);
    const wanted = wantedBy(properties, options, defaults, place);
    const failure = 'reason' in wanted ? wanted : undefined;
    const timeoutMs = timeoutOf(properties.callOptions, options, deadlineOrigin);
    const record = recordFor(properties, { options, timeoutMs }, defaults, 'reason' in wanted ? {} : wanted);
    const ended = failure ? refusal(failure) : record.deadline <= defaults.time.now() ? expired() : undefined;
    const { registry } = defaults;
    const context: CallContext = { service: serviceOf(channel), record, deadlineOrigin, registry };
    const metadata = withRecord(properties.metadata, record);
    // Who passes on the metadata of an incoming call does not mean this: it goes to peers, and the picker knows them.
    metadata.remove(LANE_HEADER);
    // grpc-js and the balancer must agree: what the one fails and the other queues is never picked again.
    metadata.setOptions({ ...metadata.getOptions(), waitForReady: record.waitForReady ?? false });
    listenIn(made, properties.call, callback ? undefined : context);
    return {
      ...properties,
      metadata,
      callOptions: options,
      ...(ended && { channel: endedChannel(channel, ended) }),
      ...(callback && { callback: describing(callback, context, made) }),
    };
  };
}

function expired(): StatusObject {
  const details = 'Deadline exceeded before the call was made';
  return { code: status.DEADLINE_EXCEEDED, details, metadata: new Metadata() };
}

function refusal(failure: CallFailure): StatusObject {
  const metadata = rememberFailure(new Metadata(), failure);
  return { code: status.INVALID_ARGUMENT, details: failure.details, metadata };
}

/** As it was asked for, where it was asked for in ms: by the clock it is a little less by now. */
function timeoutOf(
  given: CallOptions,
  { deadline, timeoutMs }: CallOptions & RookeryCallOptions,
  origin: DeadlineOrigin | undefined,
): number | undefined {
  if (deadline === undefined) return undefined;
  if (origin?.from === 'default') return origin.timeoutMs;
  const own = origin === undefined && (given.deadline ?? undefined) === undefined ? timeoutMs : undefined;
  return own ?? Number(deadline) - Date.now();
}

type Wanted = Pick<CallRecord, 'groups' | 'hashKey'>;

/** What is computed anew for each call, often of what somebody else has sent: the call fails where it is wrong. */
function wantedBy(
  { metadata, channel }: CallProperties<unknown, unknown>,
  options: RookeryCallOptions,
  { hashKey: source, registry }: CaptureOptions,
  place: () => string,
): Wanted | CallFailure {
  const { group, hashKey } = options;
  try {
    if (registry === undefined) refuseWithoutDiscovery({ group, hashKey }, place);
    checkFlags(options, place);
    const groups = group === undefined ? undefined : checkGroups(group, `${place()}.group`);
    if (hashKey === undefined && !source) return { groups };
    const key = hashKeyOf(hashKey, { metadata, source, place });
    return key === undefined && source ? hashKeyMissing(serviceOf(channel), source) : { groups, hashKey: key };
  } catch (error) {
    if (!(error instanceof RookeryError)) throw error;
    return { reason: error.code, service: serviceOf(channel), details: error.message };
  }
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

function recordFor(
  { metadata, methodDefinition }: CallProperties<unknown, unknown>,
  { options, timeoutMs }: { readonly options: RookeryCallOptions; readonly timeoutMs: number | undefined },
  defaults: CaptureOptions,
  { groups, hashKey }: Wanted,
): CallRecord {
  const madeAt = defaults.time.now();
  return {
    groups,
    hashKey,
    clientGroups: defaults.groups,
    lane: currentLane(),
    waitForReady: options.waitForReady ?? metadata.getOptions().waitForReady ?? defaults.waitForReady,
    idempotent: options.idempotent ?? defaults.idempotentMethods?.has(methodDefinition.path),
    unary: isUnary(methodDefinition),
    timeoutMs,
    madeAt,
    deadline: timeoutMs === undefined ? Infinity : madeAt + timeoutMs,
    attempts: 0,
  };
}

function isUnary({ requestStream, responseStream }: CallProperties<unknown, unknown>['methodDefinition']): boolean {
  return !requestStream && !responseStream;
}

function describing(
  callback: requestCallback<unknown>,
  context: CallContext,
  made: RequestContext | undefined,
): requestCallback<unknown> {
  return (error, value) => inContext(made, () => callback(error && describeError(error, context), value));
}

/**
 * Runs the listeners of a call in the context in which it was made, and describes the error of a stream to them: a
 * listener of ours would count as one, and an error that nobody hears would pass in silence.
 */
function listenIn(
  made: RequestContext | undefined,
  call: CallProperties<unknown, unknown>['call'],
  stream: CallContext | undefined,
): void {
  const emit = call.emit.bind(call) as (event: string | symbol, ...args: unknown[]) => boolean;
  call.emit = (event: string | symbol, ...args: unknown[]) => {
    if (stream && event === 'error') describeError(args[0] as ServiceError, stream);
    return inContext(made, () => emit(event, ...args));
  };
}

const services = new WeakMap<AnyChannel, string>();

function serviceOf(channel: AnyChannel): string {
  let service = services.get(channel);
  if (service === undefined) services.set(channel, (service = channel.getTarget().replace(/^discovery:\/*/, '')));
  return service;
}

/**
 * A client class from another copy of grpc-js makes channels that know nothing of `discovery:` and would say only
 * "Failed to parse DNS address".
 */
function assertOneGrpc(channel: AnyChannel): void {
  if (channel instanceof Channel || channel.constructor.name !== Channel.name) return;
  throw new RookeryError('ROOKERY_GRPC_DUPLICATE', {
    path: '@grpc/grpc-js',
    found: 'the client was made by another copy of @grpc/grpc-js than the one that Rookery uses.',
    remedy: 'Keep one copy: run `npm ls @grpc/grpc-js`, align the versions, and run `npm dedupe`.',
  });
}
