import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeTime } from '../../testing/fake-time.js';
import { ForcedStop } from './forced-stop.js';

const nobody = () => {};
beforeEach(() => {
  process.on('SIGINT', nobody);
  Logger.overrideLogger(false);
});
afterEach(() => {
  process.off('SIGINT', nobody);
  Logger.overrideLogger(true as never);
});

const ask = () => process.emit('SIGINT', 'SIGINT');

function stage(stopping = true) {
  const time = fakeTime(1000);
  const forced = new ForcedStop(() => stopping, time);
  return { time, forced, [Symbol.dispose]: () => forced[Symbol.dispose]() };
}

describe('ForcedStop', () => {
  it('takes two signals that come together for one, as a Ctrl-C under npm', () => {
    using it = stage();
    ask();
    it.time.advance(3);
    ask();
    it.time.advance(246);
    ask();
    expect(it.forced.signal.aborted).toBe(false);
  });

  it('forces at a second one, and ends the process after a while', () => {
    using it = stage();
    ask();
    it.time.advance(250);
    ask();
    expect([it.forced.signal.aborted, it.time.timers]).toEqual([true, 1]);
    ask();
    expect(it.time.timers).toBe(1);
  });

  it('does not force what does not stop', () => {
    using it = stage(false);
    ask();
    it.time.advance(1000);
    ask();
    expect(it.forced.signal.aborted).toBe(false);
  });
});
