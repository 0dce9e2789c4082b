import { EventEmitter } from 'node:events';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { RunningCalls } from './running-calls.js';

const STOPPED = { code: status.UNAVAILABLE, details: 'the server stops' };

class Call extends EventEmitter {
  cancelled = false;
  readonly told: unknown[] = [];
  constructor() {
    super();
    this.on('error', (error) => this.told.push(error));
    this.on('cancelled', () => this.told.push('cancelled'));
  }
  end = () => void this.told.push('end');
}

type Callback = (...answer: unknown[]) => void;

/** A call of a method that hands its callback out. */
function unary(calls: RunningCalls, streams = false) {
  const call = new Call();
  let answer!: Callback;
  const method = calls.track((_: never, callback: Callback) => (answer = callback), streams) as unknown as (
    call: Call,
    callback: Callback,
  ) => void;
  const answers: unknown[] = [];
  method(call, (...given) => answers.push(given));
  return { call, answers, answer };
}

function stream(calls: RunningCalls) {
  const call = new Call();
  (calls.track(() => {}, true) as unknown as (call: Call) => void)(call);
  return call;
}

describe('RunningCalls', () => {
  it('knows a unary call until it is answered, and passes the answer on', () => {
    const calls = new RunningCalls();
    const { answer, answers } = unary(calls);
    expect(calls.size).toBe(1);
    answer(null, { name: 'Ada' });
    expect([calls.size, answers]).toEqual([0, [[null, { name: 'Ada' }]]]);
  });

  it('ends a unary call with a status; its handler hears it, and what it answers later is dropped', () => {
    const calls = new RunningCalls();
    const { call, answer, answers } = unary(calls);
    calls.end(STOPPED);
    answer(null, {});
    expect([calls.size, answers, call.cancelled, call.told]).toEqual([0, [[STOPPED]], true, ['cancelled']]);
  });

  it('ends a stream with a status, or as if it were complete', () => {
    const calls = new RunningCalls();
    const [failed, completed] = [stream(calls), stream(calls)];
    failed.emit('finish');
    expect(calls.size).toBe(1);
    calls.end({ code: status.OK });
    expect([completed.told, failed.told]).toEqual([['end', 'cancelled'], []]);
    const other = stream(calls);
    calls.end(STOPPED);
    expect([calls.size, other.told]).toEqual([0, [STOPPED, 'cancelled']]);
  });

  it('ends streams alone, client streams among them', () => {
    const calls = new RunningCalls();
    const [one, upload, feed] = [unary(calls), unary(calls, true), stream(calls)];
    calls.end(STOPPED, 'streams');
    expect([one.answers, upload.answers, feed.told[0]]).toEqual([[], [[STOPPED]], STOPPED]);
    expect(calls.size).toBe(1);
  });

  it('forgets calls that their clients cancel', () => {
    const calls = new RunningCalls();
    const [{ call, answers }, feed] = [unary(calls), stream(calls)];
    call.emit('cancelled');
    feed.emit('cancelled');
    calls.end(STOPPED);
    expect([calls.size, answers, feed.told]).toEqual([0, [], ['cancelled']]);
  });

  it('lets a handler answer what its client has cancelled, and answer again: grpc-js sends neither', () => {
    const calls = new RunningCalls();
    const { call, answer, answers } = unary(calls);
    call.emit('cancelled');
    for (let i = 0; i < 2; i += 1) answer(null, {});
    expect([calls.size, answers]).toEqual([0, Array(2).fill([null, {}])]);
  });
});
