import type { Metadata } from '@grpc/grpc-js';
import { LANE_HEADER, readLane, type LaneOption } from './lane.js';
import { currentContext, emitIn, hasClients, inContext, type RequestContext } from './request-context.js';

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

/**
 * Runs what handles a call, and the listeners of the call, in the context that its calls to others start from. A context
 * costs every promise of the process on Node 20: a call gets one where it brings a lane, or where there are clients that
 * could be told its deadline.
 */
export function serveCall<T>(call: IncomingCall, lanes: AcceptedLanes, handle: () => T): T {
  const lane = laneOf(call, lanes);
  if (lane === undefined && !hasClients() && currentContext() === undefined) return handle();
  const context = contextOf(call, lane);
  emitIn(context, call);
  return inContext(context, handle);
}

function laneOf(call: IncomingCall, lanes: AcceptedLanes): string | undefined {
  const [text, another] = call.metadata.get(LANE_HEADER);
  return another === undefined ? readLane(text, lanes) : undefined;
}

function contextOf(call: IncomingCall, lane: string | undefined): RequestContext | undefined {
  const deadline = Number(call.getDeadline());
  // One that was over before it came is none: grpc-js ends a call in time, and misreads timeouts of more than 24 days.
  if (deadline !== Infinity && deadline > Date.now()) return { lane, deadline };
  return lane === undefined ? undefined : { lane };
}
