import { describe, expect, it } from 'vitest';
import { seeded } from '../../../../../test/support/seeded.js';
import { apply, type ServiceState } from '../../core/change.js';
import { createDirectory } from '../../core/directory.js';
import type { Random } from '../../core/time.js';
import { fakeTime } from '../../testing/fake-time.js';
import { manualRegistry, type ManualRegistry } from '../../testing/manual-registry.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { composite } from '../composite.js';
import { Precedence } from '../precedence.js';

const { seed } = seeded();
console.log(`seed ${seed}`);

/** A registry that a walk changes at random, and what it says and would say. */
class Source {
  readonly registry: ManualRegistry = manualRegistry();
  readonly ports = new Map<string, number>();
  up = true;

  step(random: Random): void {
    const id = `i${Math.floor(random() * 6)}`;
    const kind = random();
    if (kind < 0.4) {
      const port = 1 + Math.floor(random() * 6);
      this.ports.set(id, port);
      this.registry.set('s', { id, address: `h:${port}` });
    } else if (kind < 0.7 && this.ports.delete(id)) this.registry[random() < 0.5 ? 'leave' : 'lose']('s', id);
    else if (kind > 0.85) this.turn(!this.up);
  }

  turn(up: boolean): void {
    this.up = up;
    if (up) this.registry.up();
    else this.registry.down();
  }
}

/** What a directory knows once all sources are up and everybody has heard of it. */
function expected(sources: readonly Source[]): unknown {
  const whole = new Precedence(sources.length);
  for (const [i, { ports }] of sources.entries())
    for (const [id, port] of ports) {
      const instance = sources[i]!.registry.set('s', { id, address: `h:${port}` });
      whole.apply(i, [{ type: 'set', instance }]);
    }
  const state: ServiceState = { instances: new Map(), route: undefined };
  apply(state, whole.reset());
  return state.instances;
}

describe('any faults of any sources', () => {
  it.each(Array.from({ length: 30 }, (_, i) => seed + i))('of seed %d: end with what all of them say', async (each) => {
    const random = seededRandom(each);
    const time = fakeTime();
    const sources = Array.from({ length: 1 + Math.floor(random() * 3) }, () => new Source());
    const registry = composite(
      sources.map((source) => source.registry),
      { time, random },
    );
    const directory = createDirectory(registry, { time, random });
    directory.subscribe('s', () => {});
    for (let step = 0; step < 200; step += 1) {
      sources[Math.floor(random() * sources.length)]!.step(random);
      if (random() < 0.5) await time.advanceAsync(random() < 0.9 ? random() * 100 : 3000);
    }
    for (const source of sources) source.turn(true);
    await time.advanceAsync(30_000);
    const view = directory.view('s');
    if (view.status !== 'known') throw new Error(`it is ${view.status}`);
    expect(view.staleSince).toBeUndefined();
    expect(new Map(view.instances)).toEqual(expected(sources));
    await directory[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    await time.advanceAsync(0);
    expect(time.timers).toBe(0);
  });
});
