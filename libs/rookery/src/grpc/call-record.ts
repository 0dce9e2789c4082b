import type { Metadata, MetadataOptions } from '@grpc/grpc-js';
import type { CallRecord } from '../core/call.js';

/**
 * A call's record rides in the options of its metadata: grpc-js hands the same reference to every attempt and to the
 * picker, and nothing of it goes on the wire.
 */
interface RecordingOptions extends MetadataOptions {
  readonly rookery?: CallRecord;
}

export function withRecord(metadata: Metadata, record: CallRecord): Metadata {
  const copy = metadata.clone();
  const options: RecordingOptions = { ...metadata.getOptions(), rookery: record };
  copy.setOptions(options);
  return copy;
}

/** A call that was not captured, such as one whose interceptor made new metadata, has nothing but the defaults. */
export function recordOf(metadata: Metadata): CallRecord {
  return (metadata.getOptions() as RecordingOptions).rookery ?? { deadline: Infinity, attempts: 0 };
}
