import { describe, expect, it } from 'vitest';
import { BalancerStage } from './balancer.stage.js';
import { costRatio, timeOf } from './cost.stage.js';
import type { ServiceInstance } from './instance.js';

/** A service of so many instances in two groups, with whatever is connected ready. */
function fleet(count: number) {
  const stage = new BalancerStage();
  const instances = Array.from({ length: count }, (_, i) => stage.instance(`i${i}`, { group: i % 2 ? 'A' : '' }));
  stage.directory.tell('s', ...instances.map((instance) => ({ type: 'set', instance }) as const));
  const endpoints = new Map([...stage.balancer.endpoints()].map((one) => [one.instance.id, one]));
  for (const id of Array.from(stage.connected)) stage.balancer.report(endpoints.get(id)!, 'ready');
  return { stage, instances, endpoints };
}

type Fleet = ReturnType<typeof fleet>;

/** What the next two hundred steps take, ms. */
function cost(step: (i: number) => void): () => number {
  let i = 0;
  return () =>
    timeOf(() => {
      for (const end = i + 200; i < end; i += 1) step(i);
    });
}

const any = ({ instances }: Fleet, i: number): ServiceInstance => instances[(i * 7919) % instances.length]!;

describe('ten thousand instances', () => {
  it('are 200 connections for each group', () => {
    const { stage } = fleet(10_000);
    const groups = [...stage.connected].map((id) => Number(id.slice(1)) % 2);
    expect([groups.filter((group) => group === 0).length, groups.filter(Boolean).length]).toEqual([200, 200]);
  });

  it.each<[string, (made: Fleet) => (i: number) => void]>([
    [
      'a weight changes',
      (made) => (i) => {
        const instance = { ...any(made, i), weight: 1 + (i % 100) };
        made.stage.directory.tell('s', { type: 'set', instance });
      },
    ],
    [
      'an instance leaves, and comes back',
      (made) => (i) => {
        const instance = any(made, i);
        made.stage.directory.tell('s', { type: 'delete', id: instance.id, cause: 'left' });
        made.stage.directory.tell('s', { type: 'set', instance });
      },
    ],
    ['a call is picked', (made) => () => void made.stage.pick()],
  ])('cost about as much as a few hundred where %s', (_, stepOf) => {
    const [few, many] = [fleet(410), fleet(20_500)];
    // What is linear would take fifty times as long; memory that is further away takes a few times as long.
    expect(costRatio(cost(stepOf(few)), cost(stepOf(many)))).toBeLessThan(30);
  });

  it('that are dead are all tried, a few at a time', () => {
    const { stage, endpoints } = fleet(10_000);
    // Whatever is connected fails, until everything has.
    const tried = new Set<string>();
    for (let before = -1; before < tried.size;) {
      before = tried.size;
      for (const id of Array.from(stage.connected)) {
        tried.add(id);
        const endpoint = endpoints.get(id)!;
        if (endpoint.state !== 'failed') stage.balancer.report(endpoint, 'failed');
      }
      // Two hundred that have failed and go on trying, and as many that are being connected, in each group.
      expect(stage.connected.size).toBeLessThanOrEqual(800);
    }
    expect(tried.size).toBe(10_000);
  });
});
