import { EventEmitter } from 'node:events';
import { Metadata } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { systemTime } from '../system/time.js';
import { CallCapture } from './capture.js';
import { serveCall } from './incoming-call.js';
import { withLane } from './lane.js';
import { currentContext } from './request-context.js';

/** A time that has not come, ms since 1970. */
const FAR = 4_000_000_000_000;

function callIn(lane?: string) {
  const metadata = new Metadata();
  if (lane !== undefined) metadata.set('rookery-lane', lane);
  return Object.assign(new EventEmitter(), { metadata, getDeadline: () => FAR });
}

/** What a handler and a listener of a call see. */
function seenBy(call: ReturnType<typeof callIn>) {
  const seen: unknown[] = [];
  serveCall(call, undefined, () => {
    seen.push(currentContext());
    call.on('data', () => seen.push(currentContext()));
  });
  call.emit('data');
  return seen;
}

it('has a context from when the first client is made, before that only with a lane', () => {
  const early = callIn();
  expect(seenBy(early)).toEqual([undefined, undefined]);
  expect(Object.hasOwn(early, 'emit')).toBe(false);
  expect(seenBy(callIn('canary'))).toEqual(Array(2).fill({ lane: 'canary', deadline: FAR }));
  void new CallCapture({ timeoutMs: 0, time: systemTime });
  expect(seenBy(callIn())).toEqual(Array(2).fill({ deadline: FAR }));
});

it('is in no lane where it brings none, whatever its connection is in', () => {
  withLane('other', () => expect(seenBy(callIn('no name!'))).toEqual(Array(2).fill({ deadline: FAR })));
});
