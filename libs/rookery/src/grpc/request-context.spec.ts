import { EventEmitter } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { acceptedLanes, serveCall } from './incoming-call.js';
import { currentLane, withLane } from './lane.js';
import { currentContext, detached, emitIn, inContext, noteClient } from './request-context.js';

/** A time that has not come, ms since 1970. */
const FAR = 4_000_000_000_000;

it('keeps the deadline in another lane', () => {
  inContext({ lane: 'blue', deadline: FAR }, () => {
    withLane('canary', () => expect(currentContext()).toEqual({ lane: 'canary', deadline: FAR }));
    expect(detached(currentContext)).toBeUndefined();
    expect(currentLane()).toBe('blue');
  });
});

it('takes no lane without something to run in it', () => {
  expect(() => withLane('a', undefined as never)).toThrow(
    'ROOKERY_OPTION_INVALID at withLane.fn: found undefined. Give a function',
  );
});

it('runs listeners in the context of their call, whoever wakes them', () => {
  const call = new EventEmitter();
  const seen: unknown[] = [];
  emitIn({ lane: 'canary' }, call);
  call.on('data', (message) => seen.push(message, currentLane()));
  expect(withLane('blue', () => call.emit('data', 1))).toBe(true);
  expect(call.emit('end')).toBe(false);
  const none = new EventEmitter();
  emitIn(undefined, none);
  none.on('data', () => seen.push(currentLane()));
  withLane('blue', () => none.emit('data'));
  expect(seen).toEqual([1, 'canary', undefined]);
});

it.each([
  [undefined, 'canary', FAR, { lane: 'canary', deadline: FAR }],
  [undefined, 'canary', Infinity, { lane: 'canary' }],
  [undefined, undefined, new Date(FAR), { deadline: FAR }],
  [undefined, 'no name!', Infinity, undefined],
  ['ignore', 'canary', FAR, { deadline: FAR }],
  [{ accept: ['blue'] }, 'canary', Infinity, undefined],
  [{ accept: ['blue', 'canary'] }, 'canary', Infinity, { lane: 'canary' }],
] as const)('a server with lanes %j makes of the lane %j and the deadline %s: %j', (lanes, lane, deadline, context) => {
  noteClient();
  const metadata = new Metadata();
  if (lane !== undefined) metadata.set('rookery-lane', lane);
  const call = Object.assign(new EventEmitter(), { metadata, getDeadline: () => deadline });
  // Whatever context the connection happens to be in.
  withLane('other', () => expect(serveCall(call, acceptedLanes(lanes), currentContext)).toEqual(context));
});
