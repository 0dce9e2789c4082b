import type { Metadata } from '@grpc/grpc-js';
import { LANE_HEADER, readLane, type LaneOption } from './lane.js';
import { emitIn, inContext, type RequestContext } from './request-context.js';

/** A call of grpc-js's server, of any of the four kinds. */
export interface IncomingCall {
  readonly metadata: Metadata;
  /** Of what its client has sent; Infinity where that is nothing. */
  getDeadline(): Date | number;
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

/** What a server takes over; absent for every lane. */
type AcceptedLanes = ReadonlySet<string> | undefined;

export function acceptedLanes(option: LaneOption | undefined): AcceptedLanes {
  return option && new Set(option === 'ignore' ? [] : option.accept);
}

/** Runs what handles a call, and the listeners of the call, in the context that its calls to others start from. */
export function serveCall<T>(call: IncomingCall, lanes: AcceptedLanes, handle: () => T): T {
  const context = contextOf(call, lanes);
  emitIn(context, call);
  return inContext(context, handle);
}

function contextOf(call: IncomingCall, lanes: AcceptedLanes): RequestContext | undefined {
  const [text, another] = call.metadata.get(LANE_HEADER);
  const lane = another === undefined ? readLane(text, lanes) : undefined;
  const deadline = Number(call.getDeadline());
  // One that was over before it came is none: grpc-js ends a call in time, and misreads timeouts of more than 24 days.
  if (deadline !== Infinity && deadline > Date.now()) return { lane, deadline };
  return lane === undefined ? undefined : { lane };
}
