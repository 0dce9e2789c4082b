import { beforeEach, describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';

let stage: BalancerStage;
beforeEach(() => start(10_000));

/** Two instances are there in the first view. */
function start(warmUpMs: number): void {
  stage = new BalancerStage({ warmUpMs, ejection: false });
  const instances = ['a', 'b'].map((id) => stage.instance(id));
  stage.directory.tell('s', { type: 'reset', instances });
  for (const id of ['a', 'b']) stage.report(id, 'ready');
}

const weight = (id: string) => stage.endpoint(`${id}:1`).weight;

describe('an instance that joins', () => {
  it('begins with a tenth of its weight, and has all of it after the time', () => {
    stage.ready('', 'c');
    expect(stage.picks(210)).toEqual({ a: 100, b: 100, c: 10 });
    stage.time.advance(4999);
    expect(weight('c')).toBeCloseTo(46);
    stage.time.advance(1);
    expect(weight('c')).toBeCloseTo(55);
    stage.time.advance(5000);
    expect(weight('c')).toBe(100);
    expect(stage.picks(300)).toEqual({ a: 100, b: 100, c: 100 });
    expect(stage.endpoint('c:1').instance.weight).toBe(100);
  });

  it('warms up from when it is ready for the first time, and goes on while it is not', () => {
    stage.set('c');
    stage.time.advance(60_000);
    stage.report('c', 'ready');
    expect(weight('c')).toBe(10);
    stage.report('c', 'connecting');
    stage.time.advance(5000);
    stage.report('c', 'ready');
    expect(weight('c')).toBeCloseTo(55);
    stage.time.advance(5000);
    expect(weight('c')).toBe(100);
  });

  it('follows the weight that the registry gives it meanwhile', () => {
    stage.ready('', 'c');
    stage.set('c', { weight: 1000 });
    expect(weight('c')).toBe(100);
    stage.set('c', { weight: 0 });
    expect(stage.picks(4)).toEqual({ a: 2, b: 2 });
    stage.time.advance(10_000);
    stage.set('c', { weight: 50 });
    expect(weight('c')).toBe(50);
  });

  it('in the place of another one warms up as well, and one that is only changed does not', () => {
    stage.set('a', { weight: 50, metadata: { x: 'y' }, group: 'A' });
    expect(weight('a')).toBe(50);
    stage.set('a', { generation: 'later' });
    stage.report('a', 'ready');
    expect(weight('a')).toBe(10);
    stage.time.advance(10_000);
    expect(weight('a')).toBe(100);
  });

  it('is warmed by one timer, which ends with the last of them', () => {
    for (const id of ['c', 'd', 'e']) {
      stage.ready('', id);
      stage.time.advance(1000);
      expect(stage.time.timers).toBe(1);
    }
    stage.remove('e');
    stage.time.advance(9000);
    expect([weight('c'), weight('d')]).toEqual([100, 100]);
    stage.time.advance(1000);
    expect(stage.time.timers).toBe(0);
  });

  it.each([
    [500, 100, 28],
    [50, 50, 100],
  ])('in %i ms has its first step after %i ms', (warmUpMs, step, then) => {
    start(warmUpMs);
    stage.ready('', 'c');
    stage.time.advance(step - 1);
    expect(weight('c')).toBe(10);
    stage.time.advance(1);
    expect(weight('c')).toBeCloseTo(then);
  });
});

it('those of the first view have all of their weight, also where the view was there before the client', () => {
  expect([weight('a'), weight('b')]).toEqual([100, 100]);
  stage = new BalancerStage({ warmUpMs: 10_000 }, stage.directory);
  for (const id of ['a', 'b']) stage.report(id, 'ready');
  expect([weight('a'), weight('b')]).toEqual([100, 100]);
  expect(stage.time.timers).toBe(0);
  stage.ready('', 'c');
  expect(weight('c')).toBe(10);
});

it('nothing warms up unless it is asked for', () => {
  start(0);
  stage.ready('', 'c');
  expect(weight('c')).toBe(100);
});

it('a balancer that is closed has no timer', () => {
  stage.ready('', 'c');
  stage.balancer.close();
  expect(stage.time.timers).toBe(0);
});
