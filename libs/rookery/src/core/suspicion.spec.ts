import { beforeEach, describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';

let stage: BalancerStage;
beforeEach(() => {
  stage = new BalancerStage();
  stage.ready('', 'a', 'b', 'c');
});

function start(...ids: readonly string[]): void {
  for (const id of ids) stage.start(id);
}

function end(...ids: readonly string[]): void {
  for (const id of ids) stage.end(id);
}

/** Time passes, and some instances send something every so often. */
function pass(ms: number, ...talking: readonly string[]): void {
  for (let left = ms; left > 0; left -= 50) {
    for (const id of talking) stage.received[`${id}:1`] = (stage.received[`${id}:1`] ?? 0) + 1;
    stage.time.advance(Math.min(50, left));
  }
}

const asked = () => stage.links.filter((link) => link.startsWith('inquire'));

describe('an endpoint that is silent', () => {
  it('while others answer, is asked after a second, and gets no calls until then', () => {
    start('a', 'b');
    pass(900, 'b');
    expect(asked()).toEqual([]);
    pass(600, 'b');
    expect(asked()).toEqual(['inquire a:1']);
    expect(stage.picks(4)).toEqual({ b: 2, c: 2 });
    expect(stage.events.at(-1)).toMatchObject({ type: 'endpoint.suspect', id: 'a' });
  });

  it('is as before once it has answered, and is not asked about the same calls again', () => {
    start('a', 'b');
    pass(1500, 'b');
    pass(50, 'a', 'b');
    stage.report('a', 'ready');
    expect(stage.picks(6)).toEqual({ a: 2, b: 2, c: 2 });
    pass(10_000, 'b');
    expect(asked()).toHaveLength(1);
    start('a');
    pass(1500, 'b');
    expect(asked()).toHaveLength(2);
  });

  it('has failed where it does not answer', () => {
    start('a', 'b');
    pass(1500, 'b');
    stage.report('a', 'failed', 'no answer to Hello in 2000 ms');
    expect(stage.picks(4)).toEqual({ b: 2, c: 2 });
    pass(10_000, 'b');
    expect(asked()).toHaveLength(1);
  });

  it('is left alone while nobody else is heard', () => {
    start('a', 'b', 'c');
    pass(10_000);
    expect(asked()).toEqual([]);
  });

  it('while the others have no calls, is asked once one of them was made to say something', () => {
    start('a', 'a');
    pass(1300);
    expect(stage.links.filter((link) => link.startsWith('prompt'))).toEqual(['prompt b:1', 'prompt c:1']);
    expect(asked()).toEqual([]);
    pass(300, 'c');
    expect(asked()).toEqual(['inquire a:1']);
  });

  it('is left alone where the one that was made to say something does not', () => {
    start('a');
    pass(10_000);
    expect(asked()).toEqual([]);
  });

  it('is asked once about a stream, until another call is started', () => {
    start('a', 'b');
    pass(300, 'a', 'b');
    pass(1500, 'b');
    expect(asked()).toHaveLength(1);
    pass(50, 'a', 'b');
    stage.report('a', 'ready');
    for (let silence = 0; silence < 3; silence += 1) {
      // As keepalive does, or a message now and then.
      pass(50, 'a', 'b');
      pass(5000, 'b');
    }
    expect(asked()).toHaveLength(1);
    start('a');
    pass(1500, 'b');
    expect(asked()).toHaveLength(2);
  });

  it('is left alone where another one only breaks, or connects again', () => {
    start('a', 'b');
    pass(900);
    stage.received['b:1'] = undefined;
    pass(2000);
    stage.received['b:1'] = 0;
    pass(2000);
    expect(asked()).toEqual([]);
  });

  it('is asked where some of the others cannot be made to say something', () => {
    stage.mute.add('b:1');
    start('a');
    pass(1300);
    pass(300, 'c');
    expect(asked()).toEqual(['inquire a:1']);
  });

  it('is found where its calls were started just before its last bytes were noticed', () => {
    start('a', 'b');
    pass(240, 'a', 'b');
    start('a', 'a');
    pass(1800, 'b');
    expect(asked()).toEqual(['inquire a:1']);
  });

  it('is left alone without calls', () => {
    start('a', 'b');
    pass(500, 'b');
    end('a');
    pass(10_000, 'b');
    expect(asked()).toEqual([]);
  });

  it('is found as well while others answer short calls only', () => {
    start('a');
    for (let i = 0; i < 30; i += 1) {
      start('b');
      pass(50, 'b');
      end('b');
    }
    expect(asked()).toEqual(['inquire a:1']);
  });
});

it('nothing is looked at once all calls have ended', () => {
  start('a', 'b');
  pass(300, 'a', 'b');
  end('a', 'b');
  // What came of them is counted for up to 10 s.
  pass(10_000);
  expect(stage.time.timers).toBe(0);
});
