import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { BalancerStage } from './balancer.stage.js';
import { RookeryError } from './errors.js';
import { ANY_GROUP, type InstanceInit } from './instance.js';
import { consistentHash } from './pickers/consistent-hash.js';
import { checkZone } from './zone-preference.js';

/** Instances by name: `a1` stands in zone `a`, and is ready. The client stands in zone `a`. */
function staged(ids: readonly string[], options: ConstructorParameters<typeof BalancerStage>[0] = {}) {
  const stage = new BalancerStage({ zone: 'a', ...options });
  for (const id of ids) put(stage, id);
  return stage;
}

function put(stage: BalancerStage, id: string, init: Partial<InstanceInit> = {}): void {
  stage.set(id, { zone: id[0]!, ...init });
  stage.report(id, 'ready');
}

/** The share of calls that each zone takes, in percent. */
function shares(stage: BalancerStage, init: Parameters<BalancerStage['picks']>[1] = {}): Record<string, number> {
  const zones: Record<string, number> = {};
  for (const [id, count] of Object.entries(stage.picks(1000, init))) zones[id[0]!] = (zones[id[0]!] ?? 0) + count;
  return Object.fromEntries(Object.entries(zones).map(([zone, count]) => [zone, count / 10]));
}

describe('the zone of a client', () => {
  it('takes all calls, by weight, where all of it is usable', () => {
    const stage = staged(['a1', 'a2', 'b1', 'b2', 'c1']);
    stage.set('a2', { zone: 'a', weight: 300 });
    expect(stage.picks(400)).toEqual({ a1: 100, a2: 300 });
  });

  it.each([
    ['3 of 4', 1, { a: 100 }],
    ['2 of 4: 70 %', 2, { a: 70, b: 30 }],
  ])('takes its share where %s are usable', (_, failed, expected) => {
    const stage = staged(['a1', 'a2', 'a3', 'a4', 'b1', 'b2']);
    for (let i = 1; i <= failed; i += 1) stage.report(`a${i}`, 'failed');
    expect(shares(stage)).toEqual(expected);
  });

  it('gives the rest to the other zones by weight', () => {
    const stage = staged(['a1', 'a2', 'a3', 'a4', 'b1', 'c1']);
    stage.set('c1', { zone: 'c', weight: 200 });
    stage.report('a1', 'failed');
    stage.report('a2', 'failed');
    expect(shares(stage)).toEqual({ a: 70, b: 10, c: 20 });
  });

  it('counts by weight what is usable of it, and what is not', () => {
    const stage = staged(['a1', 'a2', 'a3', 'b1']);
    stage.set('a3', { zone: 'a', weight: 800 });
    stage.report('a3', 'failed');
    // 1.4 × 200 / 1000
    expect(shares(stage)).toEqual({ a: 28, b: 72 });
    stage.set('a3', { zone: 'a', weight: 200 });
    expect(shares(stage)).toEqual({ a: 70, b: 30 });
  });

  it('does not count instances of weight 0, draining ones, or those that left', () => {
    const stage = staged(['a1', 'a2', 'a3', 'a4', 'a5', 'b1']);
    for (const id of ['a3', 'a4', 'a5']) stage.report(id, 'failed');
    expect(shares(stage)['a']).toBeCloseTo(56);
    stage.set('a3', { zone: 'a', weight: 0 });
    stage.set('a4', { zone: 'a', status: 'draining' });
    expect(shares(stage)['a']).toBeCloseTo(93.3);
    stage.remove('a5');
    expect(shares(stage)).toEqual({ a: 100 });
  });

  it('counts what it only connects to', () => {
    const stage = staged(['a1', 'a2', 'b1']);
    stage.set('a3', { zone: 'a' });
    stage.set('a4', { zone: 'a' });
    expect(shares(stage)).toEqual({ a: 70, b: 30 });
  });

  it('is not preferred with fewer than two usable instances: all count by weight', () => {
    const stage = staged(['a1', 'a2', 'b1', 'b2', 'c1']);
    stage.report('a1', 'failed');
    expect(stage.picks(400)).toEqual({ a2: 100, b1: 100, b2: 100, c1: 100 });
    stage.report('a2', 'failed');
    expect(stage.picks(300)).toEqual({ b1: 100, b2: 100, c1: 100 });
    stage.report('a1', 'ready');
    stage.report('a2', 'ready');
    expect(shares(stage)).toEqual({ a: 100 });
  });

  it.each([
    ['only other zones', ['b1', 'c1'], { b1: 50, c1: 50 }],
    ['only its own', ['a1', 'a2'], { a1: 50, a2: 50 }],
    ['only one', ['a1'], { a1: 100 }],
  ])('takes nothing from anybody where there are %s', (_, ids, picks) => {
    expect(staged(ids).picks(100)).toEqual(picks);
  });

  it('takes all where half of it is usable and nobody stands elsewhere', () => {
    const stage = staged(['a1', 'a2', 'a3', 'a4']);
    stage.report('a1', 'failed');
    stage.report('a2', 'failed');
    expect(stage.picks(100)).toEqual({ a3: 50, a4: 50 });
  });

  it('leaves instances without a zone to the others', () => {
    const stage = staged(['a1', 'a2']);
    stage.ready('', 'none');
    expect(stage.picks(100)).toEqual({ a1: 50, a2: 50 });
  });

  it('is preferred in each group, and in any of them', () => {
    const stage = staged(['a1', 'b1']);
    for (const id of ['a2', 'a3', 'b2']) put(stage, id, { group: 'A' });
    expect(stage.picks(100, { groups: ['A'] })).toEqual({ a2: 50, a3: 50 });
    expect(stage.picks(100)).toEqual({ a1: 50, b1: 50 });
    expect(stage.picks(300, { groups: [ANY_GROUP] })).toEqual({ a1: 100, a2: 100, a3: 100 });
  });

  it('follows an instance whose zone changes, over its connection', () => {
    const stage = staged(['a1', 'a2', 'b1', 'b2']);
    const links = stage.links.filter((link) => link.startsWith('open'));
    stage.set('b1', { zone: 'a' });
    expect(stage.picks(300)).toEqual({ a1: 100, a2: 100, b1: 100 });
    stage.set('a1', { zone: 'b' });
    expect(stage.picks(200)).toEqual({ a2: 100, b1: 100 });
    stage.set('a2', { zone: 'b' });
    expect(stage.picks(400)).toEqual({ a1: 100, a2: 100, b1: 100, b2: 100 });
    stage.report('b2', 'failed');
    stage.set('b2', { zone: 'a' });
    stage.report('b2', 'ready');
    expect(stage.picks(200)).toEqual({ b1: 100, b2: 100 });
    expect(stage.links.filter((link) => link.startsWith('open'))).toEqual(links);
  });

  it('is left by a call that has tried everybody there', () => {
    const stage = staged(['a1', 'a2', 'b1']);
    const tried = new Set(['a1', 'a2']);
    const skip = ({ instance: { id } }: { instance: { id: string } }) => tried.has(id);
    for (let i = 0; i < 10; i += 1) expect(stage.pick(stage.call({ skip }))).toBe('b1');
    expect(stage.picks(100)).toEqual({ a1: 50, a2: 50 });
  });

  it('takes a call whose turn it is elsewhere, where everybody there was tried', () => {
    const stage = staged(['a1', 'a2', 'a3', 'a4', 'b1']);
    stage.report('a1', 'failed');
    stage.report('a2', 'failed');
    const skip = ({ instance: { id } }: { instance: { id: string } }) => id === 'b1';
    expect(stage.picks(100, { skip })).toEqual({ a3: 50, a4: 50 });
  });

  it('gives no burst: of any ten calls seven stay at 70 %', () => {
    const stage = staged(['a1', 'a2', 'a3', 'a4', 'b1']);
    stage.report('a1', 'failed');
    stage.report('a2', 'failed');
    const near = Array.from({ length: 200 }, () => stage.pick().startsWith('a'));
    for (let i = 0; i + 10 <= near.length; i += 1)
      expect(Math.abs(near.slice(i, i + 10).filter(Boolean).length - 7)).toBeLessThanOrEqual(1);
  });

  it('does not send many clients out of it in step', () => {
    let outside = 0;
    for (let seed = 0; seed < 200; seed += 1) {
      const stage = staged(['a1', 'a2', 'a3', 'a4', 'b1'], { seed });
      stage.report('a1', 'failed');
      stage.report('a2', 'failed');
      if (stage.pick() === 'b1') outside += 1;
    }
    expect(outside).toBeGreaterThan(30);
    expect(outside).toBeLessThan(90);
  });

  it('is that of the instances which the client connects to, where these are a subset', () => {
    const stage = new BalancerStage({ zone: 'a', subset: 10 });
    const instances = Array.from({ length: 400 }, (_, i) =>
      stage.instance(`${i % 2 ? 'a' : 'b'}${i}`, { zone: i % 2 ? 'a' : 'b' }),
    );
    stage.directory.tell('s', ...instances.map((instance) => ({ type: 'set', instance }) as const));
    stage.connect();
    expect([...stage.connected].filter((id) => id.startsWith('a')).length).toBeGreaterThan(1);
    expect(shares(stage)).toEqual({ a: 100 });
  });

  it('means nothing to a picker that goes by the key of a call', () => {
    const stage = staged(['a1', 'a2', 'b1', 'b2'], { picker: consistentHash() });
    const picked = Array.from({ length: 400 }, (_, i) => stage.pick(stage.call({ hashKey: `key ${i}` })));
    expect([...new Set(picked)].toSorted()).toEqual(['a1', 'a2', 'b1', 'b2']);
  });
});

describe('the rules of zones', () => {
  it.each([1, 2, 3])('hold for shares after random changes: seed %d', (seed) => {
    const random = seededRandom(seed);
    const stage = new BalancerStage({ zone: 'a' });
    const ids = Array.from({ length: 16 }, (_, i) => `i${i}`);
    const any = <T>(some: readonly T[]) => some[Math.floor(random() * some.length)]!;
    for (let step = 0; step < 2000; step += 1) {
      const id = any(ids);
      const there = [...stage.balancer.endpoints()].some(({ instance }) => instance.id === id);
      if (there && random() < 0.2) stage.remove(id);
      else if (there && random() < 0.6) stage.report(id, any(['ready', 'ready', 'failed', 'connecting']));
      else stage.set(id, { zone: any(['a', 'a', 'b', 'c']), weight: any([0, 50, 100, 200]) });
      if (step % 10) continue;
      const up = [...stage.balancer.endpoints()].filter(({ weight }) => weight > 0);
      const usable = up.filter(({ state }) => state === 'ready');
      const zoned = (some: typeof up) => some.filter(({ instance }) => instance.zone === 'a');
      const weightOf = (some: typeof up) => some.reduce((sum, { weight }) => sum + weight, 0);
      if (usable.length === 0) continue;
      const [near, far] = [weightOf(zoned(usable)), weightOf(usable) - weightOf(zoned(usable))];
      const preferred = zoned(usable).length >= 2;
      const share = far === 0 ? 1 : preferred ? Math.min(1, (1.4 * near) / weightOf(zoned(up))) : near / (near + far);
      const zoneOf = new Map(up.map(({ instance }) => [instance.id, instance.zone]));
      let taken = 0;
      for (const [picked, count] of Object.entries(stage.picks(500))) if (zoneOf.get(picked) === 'a') taken += count;
      expect(Math.abs(taken - 500 * share), `seed ${seed}, step ${step}`).toBeLessThanOrEqual(preferred ? 1.01 : 16);
    }
  });
});

describe('checkZone', () => {
  it('takes a text, and false for none', () => {
    expect([checkZone('eu-1', 'here'), checkZone(false, 'here')]).toEqual(['eu-1', undefined]);
  });

  it.each(['', 7, true, null])('refuses %j', (value) => {
    expect(() => checkZone(value, 'here')).toThrow(RookeryError);
    expect(() => checkZone(value, 'here')).toThrow(/here\.zone/);
  });
});
