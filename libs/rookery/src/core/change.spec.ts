import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { apply, type ServiceChange, type ServiceDelta, type ServiceState } from './change.js';
import { createInstance, sameInstance, type ServiceInstance } from './instance.js';
import type { Random } from './time.js';

const instance = (id: string, weight = 100) => createInstance({ id, service: 's', address: `${id}:1`, weight });
const stateOf = (...instances: ServiceInstance[]): ServiceState => ({
  instances: new Map(instances.map((each) => [each.id, each])),
  route: undefined,
});

describe('apply', () => {
  it('tells what was added, changed and removed', () => {
    const state = stateOf();
    const [a, heavier] = [instance('a'), instance('a', 200)];
    expect(apply(state, { type: 'set', instance: a })).toEqual([{ type: 'added', instance: a }]);
    expect(apply(state, { type: 'set', instance: heavier })).toEqual([
      { type: 'changed', instance: heavier, previous: a },
    ]);
    expect(apply(state, { type: 'delete', id: 'a', cause: 'left' })).toEqual([
      { type: 'removed', instance: heavier, cause: 'left' },
    ]);
    expect(state.instances.size).toBe(0);
  });

  it('says nothing where nothing changes', () => {
    const state = stateOf(instance('a'));
    expect(apply(state, { type: 'set', instance: instance('a') })).toEqual([]);
    expect(apply(state, { type: 'delete', id: 'b', cause: 'lost' })).toEqual([]);
    expect(apply(state, { type: 'route' })).toEqual([]);
    expect(apply(state, { type: 'reset', instances: [instance('a')] })).toEqual([]);
  });

  it('a reset takes what is not in it for lost, and keeps the others’ places', () => {
    const state = stateOf(instance('a'), instance('b'), instance('c'));
    const deltas = apply(state, {
      type: 'reset',
      instances: [instance('c', 1), instance('a'), instance('d')],
      route: { type: 'any' },
    });
    expect(deltas.map((delta) => [delta.type, 'instance' in delta ? delta.instance.id : delta.route])).toEqual([
      ['removed', 'b'],
      ['changed', 'c'],
      ['added', 'd'],
      ['route', { type: 'any' }],
    ]);
    expect(deltas[0]).toMatchObject({ cause: 'lost' });
    expect([...state.instances.keys()]).toEqual(['a', 'c', 'd']);
  });

  it('changes the map in place', () => {
    const state = stateOf();
    const { instances } = state;
    apply(state, { type: 'set', instance: instance('a') });
    expect(state.instances).toBe(instances);
    expect(instances.size).toBe(1);
  });
});

describe('a random walk', () => {
  it.each([1, 2, 3, 4, 5])('of seed %d: the deltas alone rebuild the state, and no change acts twice', (seed) => {
    const random = seededRandom(seed);
    const state = stateOf();
    const rebuilt = new Map<string, ServiceInstance>();
    for (let step = 0; step < 2000; step += 1) {
      const change = randomChange(random);
      for (const delta of apply(state, change)) follow(rebuilt, delta);
      const where = `seed ${seed}, step ${step}: ${JSON.stringify(change)}`;
      expect([...rebuilt], where).toEqual([...state.instances]);
      if (change.type === 'reset')
        expect(new Set(rebuilt.keys()), where).toEqual(new Set(change.instances.map(({ id }) => id)));
      expect(apply(state, change), where).toEqual([]);
    }
  });
});

function randomChange(random: Random): ServiceChange {
  const some = () => instance(`i${Math.floor(random() * 8)}`, Math.floor(random() * 3));
  const kind = random();
  if (kind < 0.5) return { type: 'set', instance: some() };
  if (kind < 0.85) return { type: 'delete', id: some().id, cause: random() < 0.5 ? 'left' : 'lost' };
  if (kind < 0.9) return { type: 'route', route: random() < 0.5 ? undefined : { type: 'any' } };
  const instances = new Map(Array.from({ length: Math.floor(random() * 6) }, some).map((each) => [each.id, each]));
  return { type: 'reset', instances: [...instances.values()] };
}

/** Fails where a delta does not fit what is known: nothing is added twice, nor removed before it was added. */
function follow(rebuilt: Map<string, ServiceInstance>, delta: ServiceDelta): void {
  if (delta.type === 'route') return;
  const { id } = delta.instance;
  const known = rebuilt.get(id);
  if (delta.type === 'added') expect(known).toBeUndefined();
  else expect(known).toBe(delta.type === 'changed' ? delta.previous : delta.instance);
  if (delta.type === 'changed') expect(sameInstance(delta.previous, delta.instance)).toBe(false);
  if (delta.type === 'removed') rebuilt.delete(id);
  else rebuilt.set(id, delta.instance);
}
