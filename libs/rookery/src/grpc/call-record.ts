import type { Metadata, MetadataOptions, StatusObject } from '@grpc/grpc-js';
import type { CallRecord } from '../core/call.js';
import type { Endpoint } from '../core/endpoint.js';

/** How often a call was sent before (gRFC A6): to its server, and to whoever hears of its failure. */
export const PREVIOUS_ATTEMPTS = 'grpc-previous-rpc-attempts';

/** A call as grpc-js makes it. */
export interface GrpcCall extends CallRecord {
  /** How its last attempt ended, where it is to be sent again: what it ends with if nobody else can take it. */
  answered?: StatusObject | undefined;
  /** Who takes its next attempt, where somebody has been picked for it already. */
  preset?: Endpoint | undefined;
}

/**
 * A call's record rides in the options of its metadata: grpc-js hands the same reference to every attempt and to the
 * picker, and nothing of it goes on the wire.
 */
interface RecordingOptions extends MetadataOptions {
  readonly rookery?: GrpcCall;
}

export function withRecord(metadata: Metadata, record: GrpcCall): Metadata {
  const copy = metadata.clone();
  // grpc-js and the balancer must agree: what the one fails and the other queues is never picked again.
  const { waitForReady = false } = record;
  const options: RecordingOptions = { ...metadata.getOptions(), waitForReady, rookery: record };
  copy.setOptions(options);
  return copy;
}

/** A call that was not captured, such as one whose interceptor made new metadata, has nothing but the defaults. */
export function recordOf(metadata: Metadata): GrpcCall {
  return captured(metadata) ?? { deadline: Infinity, attempts: 0 };
}

/** The record of a call that was captured. */
export function captured(metadata: Metadata): GrpcCall | undefined {
  return (metadata.getOptions() as RecordingOptions).rookery;
}
