import { beforeEach, describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';
import type { CallRecord, Outcome } from './call.js';
import type { EjectionOptions } from './ejection-options.js';

const UNAVAILABLE = { code: 14 };
const LATE = { code: 4, ms: 300 };

let stage: BalancerStage;
beforeEach(() => start());

function start(ejection?: false | EjectionOptions, ids: readonly string[] = ['a', 'b', 'c', 'd']): void {
  stage = new BalancerStage({ ejection });
  stage.ready('', ...ids);
}

/** Calls that run on an instance, each for a millisecond or more, end one after the other. */
function ends(count: number, id: string, outcome: Partial<Outcome> = {}, call: Partial<CallRecord> = {}): void {
  for (let i = 0; i < count; i += 1) {
    stage.start(id, stage.call(call));
    stage.time.advance(1);
    stage.end(id, outcome, stage.call(call));
  }
}

const fails = (id: string, count = 5) => ends(count, id, UNAVAILABLE);
const ejected = () =>
  [...stage.balancer.endpoints()].filter((e) => e.ejectedUntil !== undefined).map((e) => e.instance.id);
/** How long the ejections took that were told, ms. */
const times = () => stage.events.flatMap((event) => (event.type === 'endpoint.ejected' ? [event.forMs] : []));
const told = (type: string) => stage.events.filter((event) => event.type === type);

/** Calls to a, until it is ejected; then its time passes. Says how long that was. */
function eject(id = 'a'): number {
  fails(id);
  expect(ejected()).toContain(id);
  const ms = times().at(-1)!;
  stage.time.advance(ms);
  expect(ejected()).not.toContain(id);
  return ms;
}

describe('an instance is ejected', () => {
  it('after five calls in a row that were UNAVAILABLE, not before', () => {
    fails('a', 4);
    expect(stage.picks(8)).toEqual({ a: 2, b: 2, c: 2, d: 2 });
    fails('a', 1);
    expect(stage.picks(9)).toEqual({ b: 3, c: 3, d: 3 });
    expect(stage.endpoint('a:1')).toMatchObject({ ejectedFor: 'consecutive-failures', state: 'ready' });
    expect(stage.links).not.toContain('close a:1');
    const { ejectedUntil } = stage.endpoint('a:1');
    expect(stage.events.at(-1)).toEqual({
      type: 'endpoint.ejected',
      service: 's',
      id: 'a',
      address: 'a:1',
      group: '',
      reason: 'consecutive-failures',
      forMs: ejectedUntil! - stage.time.now(),
    });
  });

  it('after as many as `consecutiveFailures` says', () => {
    start({ consecutiveFailures: 2 });
    fails('a', 1);
    expect(ejected()).toEqual([]);
    fails('a', 1);
    expect(ejected()).toEqual(['a']);
  });

  it.each<[string, Partial<Outcome>, Partial<CallRecord>]>([
    ['a deadline of 250 ms that passed', { code: 4, ms: 249 }, { timeoutMs: 250, unary: true }],
    ['a deadline that passed, of a call that was not captured whole', LATE, { timeoutMs: 300 }],
  ])('for %s', (_, outcome, call) => {
    ends(5, 'a', outcome, call);
    expect(ejected()).toEqual(['a']);
  });

  it.each<[string, Partial<Outcome>, Partial<CallRecord>]>([
    ['UNKNOWN', { code: 2 }, {}],
    ['INTERNAL', { code: 13 }, {}],
    ['NOT_FOUND', { code: 5 }, {}],
    ['RESOURCE_EXHAUSTED', { code: 8 }, {}],
    ['CANCELLED', { code: 1 }, {}],
    ['a stream that was refused', { code: 14, processed: false }, {}],
    ['a deadline below 250 ms', { code: 4, ms: 249 }, { timeoutMs: 249 }],
    ['what earlier attempts had left of a deadline', { code: 4, ms: 100 }, { timeoutMs: 5000 }],
    ['a deadline that the call did not have', LATE, {}],
    ['a stream that ran until its deadline', LATE, { timeoutMs: 300, unary: false }],
  ])('never for %s', (_, outcome, call) => {
    ends(200, 'a', outcome, call);
    stage.time.advance(10_000);
    expect(told('endpoint.ejected')).toEqual([]);
  });

  it('not where any call between was answered, however', () => {
    for (const code of [0, 2, 5, 13]) {
      fails('a', 4);
      ends(1, 'a', { code });
    }
    expect(ejected()).toEqual([]);
  });

  it('in spite of calls between that say nothing of it', () => {
    fails('a', 4);
    ends(1, 'a', { code: 1 });
    ends(1, 'a', { code: 14, processed: false });
    fails('a', 1);
    expect(ejected()).toEqual(['a']);
  });

  it('not while it drains, by its entry or by its connection', () => {
    stage.set('a', { status: 'draining' });
    stage.balancer.reportDraining(stage.endpoint('b:1'));
    for (const id of ['a', 'b']) fails(id, 10);
    expect(ejected()).toEqual([]);
  });

  it('never with `ejection: false`', () => {
    start(false);
    fails('a', 50);
    expect(stage.picks(4)).toEqual({ a: 1, b: 1, c: 1, d: 1 });
    stage.time.advance(300);
    expect(stage.time.timers).toBe(0);
  });
});

describe('connections', () => {
  const breaks = (id: string, running: number) => {
    for (let i = 0; i < running; i += 1) stage.start(id);
    stage.time.advance(1);
    stage.report(id, 'connecting');
    for (let i = 0; i < running; i += 1) stage.end(id, UNAVAILABLE);
  };

  it('that break are one failure each, however many calls ran', () => {
    for (let i = 0; i < 4; i += 1) {
      breaks('a', 20);
      stage.report('a', 'ready');
    }
    expect(ejected()).toEqual([]);
    breaks('a', 20);
    expect(ejected()).toEqual(['a']);
    stage.report('a', 'ready');
    expect(stage.picks(3)).toEqual({ b: 1, c: 1, d: 1 });
  });

  it('that fail after they were ready count, and not again while they are tried', () => {
    for (let i = 0; i < 4; i += 1) {
      for (let tries = 0; tries < 10; tries += 1) {
        stage.report('a', 'failed', 'refused');
        stage.report('a', 'connecting');
      }
      stage.report('a', 'ready');
    }
    expect(ejected()).toEqual([]);
    stage.report('a', 'failed', 'refused');
    expect(ejected()).toEqual(['a']);
  });

  it('that never were ready do not count, and one that comes up takes calls', () => {
    stage.set('e');
    for (let tries = 0; tries < 50; tries += 1) stage.report('e', 'failed', 'refused');
    stage.report('e', 'ready');
    expect(stage.picks(5)).toEqual({ a: 1, b: 1, c: 1, d: 1, e: 1 });
  });

  it('that end without calls and come back are nothing', () => {
    for (let i = 0; i < 50; i += 1) {
      stage.report('a', 'connecting');
      stage.report('a', 'ready');
    }
    expect(ejected()).toEqual([]);
  });
});

describe('the time of an ejection', () => {
  it('is between half of its bound and all of it, and doubles from 5 s to 300 s', () => {
    for (let bound = 5000; bound < 600_000; bound *= 2) {
      const ms = eject();
      expect(ms).toBeGreaterThanOrEqual(Math.min(bound, 300_000) / 2);
      expect(ms).toBeLessThan(Math.min(bound, 300_000));
    }
  });

  it('is as the options say', () => {
    start({ baseEjectionMs: 100, maxEjectionMs: 150 });
    for (const bound of [100, 150, 150]) {
      const ms = eject();
      expect(ms).toBeGreaterThanOrEqual(bound / 2);
      expect(ms).toBeLessThan(bound);
    }
  });

  it('halves again with every 10 s in rotation', () => {
    for (let i = 0; i < 4; i += 1) eject();
    stage.time.advance(30_000);
    const ms = eject();
    expect(ms).toBeGreaterThanOrEqual(5000);
    expect(ms).toBeLessThan(10_000);
  });

  it('is told at its end, and the instance takes its share', () => {
    eject();
    expect(stage.events.at(-1)).toEqual({ type: 'endpoint.restored', service: 's', id: 'a', address: 'a:1' });
    expect(stage.endpoint('a:1')).toMatchObject({ ejectedUntil: undefined, ejectedFor: undefined });
    expect(stage.picks(40)['a']).toBe(10);
  });

  it('begins anew at the first failure after it, and takes five again once a call went well', () => {
    eject();
    fails('a', 1);
    expect(ejected()).toEqual(['a']);
    stage.time.advance(times().at(-1)!);
    ends(1, 'a');
    fails('a', 4);
    expect(ejected()).toEqual([]);
  });

  it('leaves out calls that were started before it', () => {
    const ms = eject();
    for (let i = 0; i < 5; i += 1) stage.end('a', { ...UNAVAILABLE, ms: ms / 2 });
    expect(ejected()).toEqual([]);
  });

  it('is not made longer, nor told again, by calls that still run', () => {
    fails('a', 50);
    expect(times()).toHaveLength(1);
  });
});

describe('of a group', () => {
  it.each([
    [1, 0],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
  ])('of %i at most %i are ejected, and the others take the calls', (size, most) => {
    const ids = ['a', 'b', 'c', 'd', 'e'].slice(0, size);
    start(undefined, ids);
    for (let round = 0; round < 3; round += 1) for (const id of ids) fails(id);
    expect(ejected()).toEqual(ids.slice(0, most));
    expect(Object.keys(stage.picks(20)).toSorted()).toEqual(ids.slice(most));
  });

  it('half of it is ejected whatever fails in another one', () => {
    stage.ready('B', 'x', 'y');
    for (const id of ['a', 'b', 'c', 'x', 'y']) fails(id);
    expect(ejected()).toEqual(['a', 'b', 'x']);
    expect(stage.picks(4, { groups: ['B'] })).toEqual({ y: 4 });
    expect(stage.picks(6, { groups: ['*'] })).toEqual({ c: 2, d: 2, y: 2 });
  });

  it('who was ejected first is back where it shrinks', () => {
    for (const id of ['a', 'b']) fails(id);
    stage.remove('d');
    expect(ejected()).toEqual(['b']);
    expect(told('endpoint.restored')).toMatchObject([{ id: 'a' }]);
    expect(stage.picks(4)).toEqual({ a: 2, c: 2 });
    stage.report('c', 'failed', 'refused');
    expect(ejected()).toEqual(['b']);
    expect(stage.picks(4)).toEqual({ a: 4 });
  });

  it('all that can be used are ejected, and take the calls (panic), told once', () => {
    for (const id of ['a', 'b']) fails(id);
    for (const id of ['c', 'd']) stage.report(id, 'verifying');
    expect(stage.picks(4)).toEqual({ a: 2, b: 2 });
    expect(stage.picks(4, { groups: ['*'] })).toEqual({ a: 2, b: 2 });
    expect(stage.balancer.state).toBe('ready');
    expect(told('group.panicked')).toEqual([{ type: 'group.panicked', service: 's', group: '', instances: 2 }]);
    stage.report('c', 'ready');
    expect(stage.picks(4)).toEqual({ c: 4 });
    stage.report('c', 'verifying');
    expect(told('group.panicked')).toHaveLength(2);
  });

  it('an ejected one keeps it from being missing, and a call that names it first stays in it', () => {
    start(undefined, []);
    stage.ready('A', 'a', 'b');
    stage.ready('B', 'x');
    fails('a');
    stage.report('b', 'verifying');
    expect(stage.picks(3, { groups: ['A', 'B'] })).toEqual({ a: 3 });
    stage.report('b', 'failed', 'refused');
    expect(stage.picks(3, { groups: ['A', 'B'] })).toEqual({ a: 3 });
    expect(ejected()).toEqual([]);
  });
});

describe('another process at the address', () => {
  it.each([
    ['of another id', () => stage.set('z', { address: 'a:1' })],
    ['of another generation', () => stage.set('a', { generation: 'later' })],
  ])('%s begins with nothing against it', (_, replace) => {
    for (let i = 0; i < 3; i += 1) eject();
    fails('a');
    stage.start('a', stage.call({ unary: true }));
    stage.end('a', { ms: 0 }, stage.call({ unary: true }));
    const restored = told('endpoint.restored').length;
    replace();
    expect(told('endpoint.restored').slice(restored)).toMatchObject([{ id: 'a', address: 'a:1' }]);
    const [endpoint] = [...stage.balancer.endpoints()].filter(({ address }) => address === 'a:1');
    expect(endpoint).toMatchObject({ ejectedUntil: undefined, latencyMs: undefined });
    stage.balancer.report(endpoint!, 'ready');
    expect(Object.keys(stage.picks(8))).toHaveLength(4);
    const call = stage.call();
    const failing = (count: number, ms: number) => {
      for (let i = 0; i < count; i += 1) stage.balancer.callEnded(endpoint!, call, { code: 14, processed: true, ms });
    };
    stage.time.advance(100);
    failing(5, 101);
    failing(4, 100);
    expect(ejected()).toEqual([]);
    failing(1, 100);
    expect(times().at(-1)).toBeLessThan(5000);
  });

  it('is not made by a change of weight, group or metadata: who is ejected stays so', () => {
    fails('a');
    const { ejectedUntil } = stage.endpoint('a:1');
    stage.set('a', { weight: 7, metadata: { x: 'y' } });
    expect(told('endpoint.restored')).toEqual([]);
    expect(stage.endpoint('a:1').ejectedUntil).toBe(ejectedUntil);
    stage.ready('B', 'x');
    stage.set('a', { group: 'B' });
    expect(stage.picks(3, { groups: ['B'] })).toEqual({ x: 3 });
  });
});

describe('the success rate', () => {
  const FIVE = ['a', 'b', 'c', 'd', 'e'];
  beforeEach(() => start({ consecutiveFailures: 1000 }, FIVE));

  /** 100 calls each, of which some fail; then the interval is over. */
  function interval(failing: Readonly<Record<string, number>>, ids = FIVE, calls = 100): void {
    for (const id of ids) {
      fails(id, failing[id] ?? 0);
      ends(calls - (failing[id] ?? 0), id);
    }
    stage.time.advance(10_000);
  }

  it('far below that of the others ejects', () => {
    interval({ a: 50, b: 1 });
    expect(told('endpoint.ejected')).toMatchObject([{ id: 'a', reason: 'success-rate' }]);
  });

  it('of an application that answers with errors is as good as any', () => {
    ends(100, 'a', { code: 13 });
    interval({}, ['b', 'c', 'd', 'e']);
    expect(told('endpoint.ejected')).toEqual([]);
  });

  it.each<[string, Readonly<Record<string, number>>, readonly string[], number]>([
    ['all fail alike', { a: 50, b: 50, c: 50, d: 50, e: 50 }, FIVE, 100],
    ['the group is uneven', { a: 40, b: 10, c: 30, d: 20, e: 0 }, FIVE, 100],
    ['fewer than five have calls', { a: 50 }, ['a', 'b', 'c', 'd'], 100],
    ['there are fewer than 100 calls', { a: 50 }, FIVE, 99],
  ])('says nothing where %s', (_, failing, ids, calls) => {
    interval(failing, [...ids], calls);
    expect(told('endpoint.ejected')).toEqual([]);
  });

  it('is counted anew each time, and by group', () => {
    interval({ a: 50 }, FIVE, 60);
    interval({ a: 50 }, FIVE, 60);
    expect(told('endpoint.ejected')).toEqual([]);
    stage.set('e', { group: 'B' });
    interval({ a: 50 });
    expect(told('endpoint.ejected')).toEqual([]);
  });

  it('is not looked at with `successRate: false`', () => {
    start({ consecutiveFailures: 1000, successRate: false }, FIVE);
    interval({ a: 50 });
    expect(told('endpoint.ejected')).toEqual([]);
  });
});

it('a balancer that is closed has no timers, and tells nothing more', () => {
  for (const id of ['a', 'b']) fails(id);
  const endpoint = stage.endpoint('c:1');
  stage.balancer.close();
  // But that its connections are gone.
  expect(stage.events.slice(-4)).toMatchObject(Array.from({ length: 4 }, () => ({ state: 'idle', previous: 'ready' })));
  const closed = stage.events.length;
  for (let i = 0; i < 10; i += 1) {
    stage.balancer.callStarted(endpoint, stage.call());
    stage.balancer.callEnded(endpoint, stage.call(), { code: 14, processed: true, ms: 1 });
  }
  expect(stage.events).toHaveLength(closed);
  expect(told('endpoint.restored')).toEqual([]);
  stage.time.advance(300);
  expect(stage.time.timers).toBe(0);
});
