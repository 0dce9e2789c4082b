import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { Endpoint, type EndpointState } from './endpoint.js';
import { GroupPool } from './group-pool.js';
import { createInstance } from './instance.js';
import { weighted } from './pickers/weighted.js';

const instance = (id: string, weight = 1, status: 'up' | 'draining' = 'up') =>
  createInstance({ id, service: 's', address: `${id}:1`, weight, status });
const newPool = () => new GroupPool({ picker: weighted, random: seededRandom(1) });

function endpoint(id: string, state: EndpointState = 'ready', weight = 1): Endpoint {
  const made = new Endpoint(instance(id, weight), { ms: 0 });
  made.state = state;
  return made;
}

describe('GroupPool', () => {
  it.each([
    ['ready', { usable: 1, missing: false }],
    ['connecting', { usable: 0, missing: false }],
    ['verifying', { usable: 0, missing: false }],
    ['failed', { usable: 0, missing: true }],
    ['unhealthy', { usable: 0, missing: true, unhealthy: 1 }],
    ['impostor', { usable: 0, missing: true, unhealthy: 0 }],
  ] as const)('an endpoint that is %s makes it %j', (state, expected) => {
    const pool = newPool();
    pool.place(endpoint('a', state));
    expect(pool).toMatchObject({ ...expected, size: 1 });
  });

  it('counts weight 0 and draining, by the registry or by the connection, as nobody, and undoes both', () => {
    const pool = newPool();
    const one = endpoint('a');
    for (const [change, undo] of [
      [() => one.set(instance('a', 0)), () => one.set(instance('a'))],
      [() => one.set(instance('a', 1, 'draining')), () => one.set(instance('a'))],
      [() => (one.draining = true), () => (one.draining = false)],
    ] as const) {
      change();
      pool.place(one);
      expect(pool).toMatchObject({ missing: true, usable: 0 });
      expect(pool.pick({})).toBeUndefined();
      undo();
      expect(pool.place(one)).toBe(true);
      expect(pool.pick({})).toBe(one);
    }
  });

  it('follows a new weight', () => {
    const pool = newPool();
    const [a, b] = [endpoint('a'), endpoint('b')];
    for (const each of [a, b]) pool.place(each);
    a.set(instance('a', 3));
    expect(pool.place(a)).toBe(false);
    const picked = Array.from({ length: 40 }, () => pool.pick({}));
    expect(picked.filter((each) => each === a)).toHaveLength(30);
  });

  it('forgets what is removed', () => {
    const pool = newPool();
    const one = endpoint('a');
    pool.place(one);
    pool.remove(one);
    pool.remove(one);
    expect(pool).toMatchObject({ size: 0, usable: 0, hopeful: 0, missing: true });
    expect(pool.pick({})).toBeUndefined();
  });
});

describe('Endpoint', () => {
  it('stands for the newest entry of its address; the others are shadowed', () => {
    const shared = new Endpoint(instance('old', 1), { ms: 0 });
    shared.set(instance('new', 2));
    shared.set(instance('old', 9));
    expect(shared.instance.id).toBe('new');
    expect(shared.delete('new')).toBe(false);
    expect(shared.instance).toMatchObject({ id: 'old', weight: 9 });
    expect(shared.delete('unknown')).toBe(false);
    expect(shared.delete('old')).toBe(true);
    expect(shared.instance.id).toBe('old');
  });
});
