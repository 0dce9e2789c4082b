import { EventEmitter } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { acceptedLanes, serveCall } from './incoming-call.js';
import { currentLane, withLane } from './lane.js';
import { currentContext, detached, emitIn, inContext } from './request-context.js';

it('keeps the deadline in another lane', () => {
  inContext({ lane: 'blue', deadline: 7 }, () => {
    withLane('canary', () => expect(currentContext()).toEqual({ lane: 'canary', deadline: 7 }));
    expect(detached(currentContext)).toBeUndefined();
    expect(currentLane()).toBe('blue');
  });
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
  [undefined, 'canary', 7, { lane: 'canary', deadline: 7 }],
  [undefined, 'canary', Infinity, { lane: 'canary' }],
  [undefined, undefined, new Date(7), { deadline: 7 }],
  [undefined, 'no name!', Infinity, undefined],
  ['ignore', 'canary', 7, { deadline: 7 }],
  [{ accept: ['blue'] }, 'canary', Infinity, undefined],
  [{ accept: ['blue', 'canary'] }, 'canary', Infinity, { lane: 'canary' }],
] as const)('a server with lanes %j makes of the lane %j and the deadline %s: %j', (lanes, lane, deadline, context) => {
  const metadata = new Metadata();
  if (lane !== undefined) metadata.set('rookery-lane', lane);
  const call = Object.assign(new EventEmitter(), { metadata, getDeadline: () => deadline });
  // Whatever context the connection happens to be in.
  withLane('other', () => expect(serveCall(call, acceptedLanes(lanes), currentContext)).toEqual(context));
});
