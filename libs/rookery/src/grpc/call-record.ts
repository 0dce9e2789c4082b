import { Metadata, type MetadataOptions, type StatusObject } from '@grpc/grpc-js';
import type { CallRecord } from '../core/call.js';
import type { Endpoint } from '../core/endpoint.js';
import { LANE_HEADER } from './lane.js';

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

/** A copy of what the caller has given. */
export function withRecord(metadata: Metadata, record: GrpcCall): Metadata {
  const copy = metadata.clone();
  // Who passes on the metadata of an incoming call does not mean this: it goes to peers, and the picker knows them.
  copy.remove(LANE_HEADER);
  copy.setOptions(optionsWith(record, metadata.getOptions()));
  return copy;
}

/** For a call whose caller has given none. */
export function newMetadata(record: GrpcCall): Metadata {
  return new Metadata(optionsWith(record));
}

function optionsWith(record: GrpcCall, own?: MetadataOptions): RecordingOptions {
  // grpc-js and the balancer must agree: what the one fails and the other queues is never picked again.
  return { ...own, waitForReady: record.waitForReady ?? false, rookery: record };
}

/** A call that was not captured, such as one whose interceptor made new metadata, has nothing but the defaults. */
export function recordOf(metadata: Metadata): GrpcCall {
  return captured(metadata) ?? { deadline: Infinity, attempts: 0 };
}

/** The record of a call that was captured. */
export function captured(metadata: Metadata): GrpcCall | undefined {
  return (metadata.getOptions() as RecordingOptions).rookery;
}
