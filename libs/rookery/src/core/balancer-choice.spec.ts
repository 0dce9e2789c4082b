import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { BalancerStage } from './balancer.stage.js';
import { chooseBalancer } from './balancer-choice.js';
import type { Candidate, Picker, PickerFactory } from './picker.js';
import { consistentHash } from './pickers/consistent-hash.js';
import { leastRequest } from './pickers/least-request.js';
import { p2c } from './pickers/p2c.js';
import { weighted } from './pickers/weighted.js';

/** Takes the first one, with mistakes. */
function picking(mistakes: Partial<Picker<Candidate>> = {}): PickerFactory {
  return <C extends Candidate>(): Picker<C> => {
    const all: C[] = [];
    return {
      add: (candidate) => void all.push(candidate),
      remove: (candidate) => void all.splice(all.indexOf(candidate), 1),
      reweigh: () => {},
      pick: ({ skip }) => all.find((one) => !skip?.(one)),
      ...(mistakes as Partial<Picker<C>>),
    };
  };
}

const choose = (value: unknown) => chooseBalancer(value, 'x.balancer');
const stageOf = (factory: PickerFactory) => new BalancerStage({ picker: choose(factory) });

describe('the choice of a picker', () => {
  it('is by name, or one of ours as it is', () => {
    expect(['weighted', 'p2c', 'least-request'].map(choose)).toEqual([weighted, p2c, leastRequest]);
    expect([weighted, p2c, leastRequest].map(choose)).toEqual([weighted, p2c, leastRequest]);
    expect(choose('consistent-hash').hashKey).toEqual({ header: undefined });
    expect(choose(consistentHash({ header: 'x-user-id' })).hashKey).toEqual({ header: 'x-user-id' });
    expect(choose(picking()).hashKey).toBeUndefined();
  });

  it.each<[unknown, string]>([
    ['p2', `found "p2". Did you mean 'p2c'? There are 'weighted', 'p2c', 'least-request', 'consistent-hash', or a`],
    ['leastRequest', `found "leastRequest". Did you mean 'least-request'?`],
    ['round-robin', `found "round-robin". Use one of 'weighted', 'p2c', 'least-request', 'consistent-hash', or a`],
    ['toString', 'found "toString". Use one of'],
    [7, 'found 7. Use one of'],
    [null, 'found null. Use one of'],
    [{ pick: () => undefined }, 'found an object. Use one of'],
    [() => undefined, 'found a function that returns undefined without add, remove, reweigh, pick.'],
    [async () => picking(), 'found a function that returns an object without add'],
    [() => ({ add() {}, remove() {}, pick() {} }), 'found a function that returns an object without reweigh.'],
    [consistentHash, 'pass consistentHash() with its brackets'],
    [
      () => {
        throw new Error('oh');
      },
      'found a function that throws "oh".',
    ],
  ])('is refused: %o', (value, text) => {
    const path = 'x.balancer';
    const message = expect.stringContaining(text) as string;
    expect(() => choose(value)).toThrow(expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path, message }));
  });
});

describe("a picker of the user's", () => {
  it('chooses', () => {
    const stage = stageOf(picking());
    stage.ready('', 'a', 'b');
    expect(stage.picks(10)).toEqual({ a: 10 });
    stage.set('a', { weight: 0 });
    expect(stage.picks(10)).toEqual({ b: 10 });
  });

  it('that chooses nobody where there is somebody fails the call, and says so', () => {
    const stage = stageOf(picking({ pick: () => undefined }));
    stage.ready('', 'a');
    expect(stage.pick()).toBe('ROOKERY_PICKER_FAILED');
    expect(stage.failure()).toBe('s: the picker of the client failed: it chose nobody of 1 that it was given.');
  });

  it.each<[string, () => never, string]>([
    [
      'throws',
      () => {
        throw new Error('no idea');
      },
      's: the picker of the client failed: no idea.',
    ],
    [
      'chooses what it was not given',
      () => ({ weight: 1 }) as never,
      's: the picker of the client failed: it chose something that it was not given, or was told to forget.',
    ],
    ['promises one', async () => 1 as never, 'it chose something that it was not given'] as never,
  ])('that %s fails the calls, and nothing else', (_, pick, details) => {
    const stage = stageOf(picking({ pick }));
    stage.ready('', 'a');
    expect(stage.pick()).toBe('ROOKERY_PICKER_FAILED');
    expect(stage.failure()).toContain(details);
    expect(stage.balancer.state).toBe('ready');
  });

  it('that chooses one who is gone fails the call', () => {
    let kept: Candidate | undefined;
    const stage = stageOf(picking({ add: (one) => void (kept ??= one), remove: () => {}, pick: () => kept }));
    stage.ready('', 'a', 'b');
    expect(stage.pick()).toBe('a');
    stage.remove('a');
    expect(stage.pick()).toBe('ROOKERY_PICKER_FAILED');
  });

  it.each(['add', 'remove', 'reweigh'] as const)('that throws in `%s` is made anew, and knows everybody', (method) => {
    let throws = false;
    const factory: PickerFactory = (random) => {
      const picker = weighted<Candidate>(random);
      const told = (one: Candidate) => {
        if (throws) throw new Error('no idea');
        picker[method](one);
      };
      return { ...bound(picker), [method]: told } as never;
    };
    const stage = stageOf(factory);
    stage.ready('', 'a', 'b');
    expect(stage.picks(10)).toEqual({ a: 5, b: 5 });
    throws = true;
    stage.ready('', 'c');
    stage.set('a', { weight: 200 });
    stage.remove('b');
    if (method === 'add') expect(stage.pick()).toBe('ROOKERY_PICKER_FAILED');
    throws = false;
    const picks = stage.picks(30);
    expect(picks['b']).toBeUndefined();
    expect(picks).toEqual({ a: 20, c: 10 });
  });
});

/** Methods that need no `this`. */
function bound(picker: Picker<Candidate>): Picker<Candidate> {
  return {
    add: (one) => picker.add(one),
    remove: (one) => picker.remove(one),
    reweigh: (one) => picker.reweigh(one),
    pick: (request) => picker.pick(request),
  };
}

describe('the balancer with a picker by load', () => {
  it('takes one whose ejection is over for one that is new: one call at a time until it has answered', () => {
    const stage = new BalancerStage({ picker: p2c });
    const ids = ['a', 'b', 'c', 'd'];
    stage.ready('', ...ids);
    const unary = { unary: true };
    const ends = (id: string, outcome: { code?: number; ms?: number }) => {
      stage.start(id, stage.call(unary));
      stage.time.advance(10);
      stage.end(id, { ms: 10, ...outcome }, stage.call(unary));
    };
    for (const id of ids) ends(id, {});
    for (let i = 0; i < 5; i += 1) ends('a', { code: 14 });
    const { ejectedUntil, latencyMs } = stage.endpoint('a:1');
    expect(latencyMs).toBeGreaterThan(300);
    stage.time.advance(ejectedUntil! - stage.time.now());
    expect(stage.endpoint('a:1').latencyMs).toBeUndefined();
    expect(stage.picks(40, unary)['a']).toBeGreaterThan(0);
    stage.start('a', stage.call(unary));
    expect(stage.picks(40, unary)['a']).toBeUndefined();
    stage.time.advance(5);
    stage.end('a', { ms: 5 }, stage.call(unary));
    expect(stage.picks(100, unary)['a']).toBeGreaterThan(10);
  });

  it('takes one that had failed and is back for one that is new, whatever still runs from before', () => {
    const stage = new BalancerStage({ picker: p2c });
    stage.ready('', 'a', 'b');
    const call = stage.call({ unary: true });
    stage.start('a', call);
    stage.start('a', call);
    stage.time.advance(5000);
    const late = { code: 4, ms: 5000 };
    stage.end('a', late, call);
    stage.report('a', 'failed');
    expect(stage.endpoint('a:1').latencyMs).toBe(5000);
    stage.report('a', 'ready');
    stage.end('a', late, call);
    expect(stage.endpoint('a:1').latencyMs).toBeUndefined();
  });

  it('gives it what it observes, and that survives updates', () => {
    const stage = new BalancerStage({ picker: p2c });
    stage.ready('', 'slow', 'fast');
    const call = stage.call({ unary: true });
    for (const [id, ms] of [
      ['slow', 500],
      ['fast', 5],
    ] as const) {
      stage.start(id, call);
      stage.end(id, { ms }, call);
    }
    expect(stage.picks(20)).toEqual({ fast: 20 });
    stage.set('slow', { weight: 300, metadata: { a: 'b' } });
    stage.set('slow', { weight: 0 });
    stage.set('slow', { weight: 100 });
    stage.report('slow', 'connecting');
    stage.report('slow', 'ready');
    expect(stage.picks(20)).toEqual({ fast: 20 });
    expect(stage.endpoint('slow:1')).toMatchObject({ running: 0, runningUnary: 0, latencyMs: 500, key: 'slow:1' });
  });

  it('does not starve one whose first call takes long', () => {
    const stage = new BalancerStage({ picker: p2c });
    stage.ready('', 'a', 'b');
    stage.start('a', stage.call({ unary: true }));
    const call = stage.call({ unary: true });
    stage.start('b', call);
    stage.end('b', { ms: 3000 }, call);
    expect(stage.picks(10)).toEqual({ b: 10 });
    stage.time.advance(1500);
    expect(stage.picks(100)['a']).toBeGreaterThan(20);
  });

  it('learns nothing of latency from streams, but counts them', () => {
    const stage = new BalancerStage({ picker: p2c });
    stage.ready('', 'a');
    const call = stage.call({ unary: false });
    stage.start('a', call);
    expect(stage.endpoint('a:1')).toMatchObject({ running: 1, runningUnary: 0 });
    stage.end('a', { ms: 60_000 }, call);
    expect(stage.endpoint('a:1')).toMatchObject({ running: 0, latencyMs: undefined });
  });

  it('gives it the key of the call', () => {
    const stage = new BalancerStage({ picker: consistentHash() });
    stage.ready('', ...Array.from({ length: 10 }, (_, i) => `i${i}`));
    const random = seededRandom(1);
    for (let i = 0; i < 50; i += 1) {
      const hashKey = String(random());
      expect(Object.keys(stage.picks(5, { hashKey }))).toHaveLength(1);
    }
  });
});
