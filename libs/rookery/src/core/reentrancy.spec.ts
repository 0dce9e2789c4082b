import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { BalancerStage } from './balancer.stage.js';

/** Changes that bring about others while they are made: ejection, subset and quarantine share the endpoints. */
describe('the state of a balancer', () => {
  it.each([1, 2, 3, 4, 5])('is that of its picks, whatever is ejected and let go meanwhile: seed %d', (seed) => {
    const random = seededRandom(seed);
    const any = <T>(some: readonly T[]) => some[Math.floor(random() * some.length)]!;
    for (const subset of [2, 3, 4]) {
      const stage = new BalancerStage({ subset, seed, ejection: { consecutiveFailures: 1, baseEjectionMs: 30_000 } });
      for (let i = 0; i < 8; i += 1) stage.set(`i${i}`);
      stage.connect();
      for (let step = 0; step < 1000; step += 1) {
        const connected = [...stage.connected];
        const kind = random();
        if (connected.length === 0 || kind < 0.1) stage.time.advance(2500);
        else if (kind < 0.45) stage.report(any(connected), any(['ready', 'ready', 'failed']));
        else {
          const id = any(connected);
          stage.start(id);
          stage.end(id, { code: 14 });
        }
        const picked = stage.pick();
        const expected = picked === 'wait' ? 'connecting' : picked.startsWith('ROOKERY') ? 'failed' : 'ready';
        expect(stage.balancer.state, `seed ${seed}, subset ${subset}, step ${step}: ${picked}`).toBe(expected);
      }
    }
  });
});

describe('an instance that was lost', () => {
  it.each(['a', 'b'])('and is back as %s with another kind of connection is what its entry says', (id) => {
    const stage = new BalancerStage();
    stage.set('a', { address: 'x:1' });
    stage.balancer.report(stage.endpoint('x:1'), 'ready');
    // As a connection that is made anew for what has changed.
    stage.onChanged = (endpoint) => {
      stage.broken.add('x:1');
      stage.balancer.report(endpoint, 'connecting');
      stage.broken.delete('x:1');
      stage.balancer.report(endpoint, 'ready');
    };
    stage.lose('a');
    stage.set(id, { address: 'x:1', secure: true });
    expect(stage.pick()).toBe(id);
    expect([...stage.balancer.endpoints()]).toHaveLength(1);
    stage.remove(id);
    expect([...stage.balancer.endpoints()]).toHaveLength(0);
    expect(stage.pick()).toBe('ROOKERY_INSTANCE_NONE');
  });

  it('and is back elsewhere leaves the older entry of its address as it was', () => {
    const stage = new BalancerStage({ quarantineMs: 1000 });
    stage.set('a', { address: 'x:1' });
    stage.balancer.report(stage.endpoint('x:1'), 'ready');
    stage.set('b', { address: 'x:1' });
    stage.lose('b');
    stage.set('b', { address: 'y:1' });
    stage.balancer.report(stage.endpoint('y:1'), 'ready');
    stage.time.advance(10_000);
    expect(stage.picks(4)).toEqual({ a: 2, b: 2 });
  });
});

it('a process at the address of a dead one is connected to at once, not when it is its turn', () => {
  const stage = new BalancerStage({ subset: 2 });
  for (let i = 0; i < 20; i += 1) stage.set(`i${i}`);
  for (let round = 0; round < 20; round += 1) for (const id of stage.connected) stage.report(id, 'failed');
  const resting = [...stage.balancer.endpoints()].find(({ connection }) => !connection)!;
  stage.set('new', { address: resting.address });
  expect(stage.connected).toContain(resting.address.replace(':1', ''));
});

it('weights grow only of those that join after the first view, also where the first watch broke', () => {
  const stage = new BalancerStage({ warmUpMs: 10_000 });
  stage.directory.stir('s');
  stage.ready('', 'a');
  expect(stage.endpoint('a:1').warmth).toBe(1);
  stage.ready('', 'b');
  expect(stage.endpoint('b:1').warmth).toBeCloseTo(0.1);
});
