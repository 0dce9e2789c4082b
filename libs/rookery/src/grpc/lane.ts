import { checkName, isName } from '../core/instance.js';
import { RookeryError, show } from '../core/errors.js';
import { currentContext, inContext } from './request-context.js';

/** Carries a lane between peers. It is Rookery's: what a caller writes there by himself is not sent. */
export const LANE_HEADER = 'rookery-lane';

/** Which lanes of incoming calls a server takes over: none, or those of a list. Absent: whatever is a name. */
export type LaneOption = 'ignore' | { readonly accept: readonly string[] };

/**
 * Runs `fn` in a lane: its calls prefer instances of the group with that name wherever a service has one, and fall
 * through to the ordinary rules where it has not; so do the calls that are made to handle them, over any number of hops. A
 * call that names a group itself is not touched, but what is called from there is.
 * @throws {RookeryError} ROOKERY_NAME_INVALID; ROOKERY_OPTION_INVALID where `fn` is no function
 */
export function withLane<T>(lane: string, fn: () => T): T {
  const name = checkName(lane, 'lane');
  if (typeof fn !== 'function') {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: 'withLane.fn',
      found: `found ${show(fn)}.`,
      remedy: 'Give a function: withLane(lane, () => client.call()). The calls that it makes are in the lane.',
    });
  }
  return inContext({ ...currentContext(), lane: name }, fn);
}

/** The lane of the running code, if it has one. */
export function currentLane(): string | undefined {
  return currentContext()?.lane;
}

/** The lane that a header says; a text that cannot be a group's name says none, and several headers at once say none. */
export function readLane(text: unknown, accepted: ReadonlySet<string> | undefined): string | undefined {
  if (typeof text !== 'string') return undefined;
  return (accepted ? accepted.has(text) : isName(text)) ? text : undefined;
}

/**
 * A list of lanes that somebody may choose.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_NAME_INVALID
 */
export function checkLaneList(lanes: unknown, path: string): ReadonlySet<string> {
  if (!Array.isArray(lanes) || lanes.length === 0) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path,
      found: `found ${Array.isArray(lanes) ? 'an empty list' : show(lanes)}.`,
      remedy: "Name the lanes that may be chosen: ['canary'].",
    });
  }
  return new Set(lanes.map((lane, i) => checkName(lane, `${path}[${i}]`)));
}
