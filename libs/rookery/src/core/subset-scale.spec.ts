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
  ])('cost about as much as five hundred where %s', (_, stepOf) => {
    const [few, many] = [fleet(500), fleet(10_000)];
    // What is linear would take twenty times as long.
    expect(costRatio(cost(stepOf(few)), cost(stepOf(many)))).toBeLessThan(10);
  });

  it('that are dead are gone through without a square of them', () => {
    const failAll = (count: number) => {
      const { stage, endpoints } = fleet(count);
      // Whatever is connected fails, until everything has.
      const ms = timeOf(() => {
        for (let tried = 0; tried < count;) {
          const connected = [...stage.connected]
            .map((id) => endpoints.get(id)!)
            .filter(({ state }) => state !== 'failed');
          for (const one of connected) stage.balancer.report(one, 'failed');
          tried += connected.length;
        }
      });
      expect(stage.connected.size).toBe(400);
      return ms;
    };
    const ratio = costRatio(
      () => failAll(1000),
      () => failAll(10_000),
      3,
    );
    // Ten times as many; a square would take a hundred times as long.
    expect(ratio).toBeLessThan(50);
  });
});
