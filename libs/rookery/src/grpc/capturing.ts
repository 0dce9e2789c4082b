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
import type { CallFailure } from '../core/call.js';
import { RookeryError } from '../core/errors.js';
import { describeError, rememberFailure, type CallContext } from './call-error.js';
import { newMetadata, PREVIOUS_ATTEMPTS, withRecord } from './call-record.js';
import type { Captured, CallCapture } from './capture.js';
import { endedChannel } from './ended-call.js';
import { inContext, type RequestContext } from './request-context.js';

type AnyChannel = CallProperties<unknown, unknown>['channel'];

const CAPTURED = Symbol('rookery/captured');

interface CapturedOptions extends CallOptions {
  [CAPTURED]?: Captured;
}

/** What a call is made with that was captured before grpc-js hears of it. */
export interface PreparedCall {
  readonly metadata: Metadata;
  readonly options: CallOptions;
}

/**
 * Prepares a call for grpc-js: nothing of it is captured, or copied, anew. Only for calls whose call object nobody gets,
 * since what hears of that is not brought back to the context of the call.
 *
 * @param metadata absent where the call has none
 */
export function prepare(
  capture: CallCapture,
  captured: Captured,
  metadata: Metadata | undefined,
  options: CallOptions,
): PreparedCall {
  const { record, time } = captured;
  const all: CapturedOptions = { ...options, [CAPTURED]: captured };
  const left = record.attempts === 0 ? (time.timeoutMs ?? Infinity) : record.deadline - capture.defaults.time.now();
  const deadline = time.deadline ?? deadlineIn(left);
  if (deadline !== undefined) all.deadline = deadline;
  else delete all.deadline;
  return { metadata: metadata ? withRecord(metadata, record) : newMetadata(record), options: all };
}

/**
 * Captures each call of a grpc-js client. What hears of the call is brought back to the context in which it was made.
 */
export function capturing(capture: CallCapture): CallInvocationTransformer {
  const { time, registry } = capture.defaults;
  return (properties: CallProperties<unknown, unknown>) => {
    assertOneGrpc(properties.channel);
    const { methodDefinition, callback, channel, metadata } = properties;
    const { path, requestStream, responseStream } = methodDefinition;
    const service = serviceOf(channel);
    const given = properties.callOptions as CapturedOptions;
    const unary = !requestStream && !responseStream;
    const captured = given[CAPTURED] ?? capture.capture(given, { service, path, unary, metadata });
    const { record, failure, made } = captured;
    const left = record.deadline - time.now();
    const ended = failure ? refusal(failure) : left <= 0 ? expired() : undefined;
    const context: CallContext = { service, record, deadlineOrigin: captured.time.origin, registry };
    if (!given[CAPTURED]) {
      properties.metadata = withRecord(metadata, record);
      properties.callOptions = { ...given, deadline: captured.time.deadline ?? deadlineIn(left) } as CallOptions;
      listenIn(made, properties.call, callback ? undefined : context);
    }
    if (ended) properties.channel = endedChannel(channel, ended);
    // grpc-js counts only its own attempts.
    if (callback) properties.callback = describing(callback, context, made, record.resent ?? 0);
    return properties;
  };
}

function deadlineIn(ms: number): number | undefined {
  return ms === Infinity ? undefined : Date.now() + ms;
}

function expired(): StatusObject {
  const details = 'Deadline exceeded before the call was made';
  return { code: status.DEADLINE_EXCEEDED, details, metadata: new Metadata() };
}

function refusal(failure: CallFailure): StatusObject {
  const metadata = rememberFailure(new Metadata(), failure);
  return { code: status.INVALID_ARGUMENT, details: failure.details, metadata };
}

function describing(
  callback: requestCallback<unknown>,
  context: CallContext,
  made: RequestContext | undefined,
  before: number,
): requestCallback<unknown> {
  const { attempts } = context.record!;
  return (error, value) => {
    if (error && before > 0 && context.record!.attempts > attempts) {
      const [counted = 0] = error.metadata.get(PREVIOUS_ATTEMPTS);
      error.metadata.set(PREVIOUS_ATTEMPTS, `${Number(counted) + before}`);
    }
    inContext(made, () => callback(error && describeError(error, context), value));
  };
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
