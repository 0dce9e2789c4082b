import { describe, expect, it } from 'vitest';
import { createDirectory } from '../core/directory.js';
import { eventually } from './eventually.js';
import { fakeTime } from './fake-time.js';
import { manualRegistry, type ManualRegistry } from './manual-registry.js';
import { registryConformance } from './registry-conformance.js';

describe('manualRegistry conforms:', () => {
  const make = async () => {
    const registry = manualRegistry();
    registry.set('users', { id: 'a' });
    registry.set('users', { id: 'b' });
    return {
      registry,
      known: { service: 'users', ids: ['a', 'b'] },
      dispose: async () => registry[Symbol.asyncDispose](),
    };
  };
  for (const { name, run } of registryConformance(make, { readOnly: true })) it(name, run);
});

/** What a client knows, on a clock and a registry moved by hand. */
async function follow() {
  const registry = manualRegistry();
  const time = fakeTime();
  const directory = createDirectory(registry, { time, random: () => 0.5 });
  const heard: string[] = [];
  directory.subscribe('users', (deltas) => {
    for (const delta of deltas) {
      const { type } = delta;
      heard.push(
        type === 'route' ? 'route' : `${type} ${delta.instance.id}${type === 'removed' ? ` ${delta.cause}` : ''}`,
      );
    }
  });
  await eventually(() => expect(directory.view('users').status).toBe('known'));
  return { registry, time, directory, heard };
}

describe('manualRegistry', () => {
  it('says what the spec says, in its order', async () => {
    const { registry, heard } = await follow();
    registry.set('users', { id: 'a', weight: 3 });
    registry.set('users', { id: 'a', group: 'A' });
    registry.set('users', { id: 'b' });
    registry.leave('users', 'a');
    registry.lose('users', 'b');
    registry.route('users', { type: 'any' });
    await eventually(() =>
      expect(heard).toEqual(['added a', 'changed a', 'added b', 'removed a left', 'removed b lost', 'route']),
    );
  });

  it('keeps of an entry what a change leaves out', () => {
    const registry = manualRegistry();
    registry.set('users', { id: 'a', weight: 3, address: '10.0.0.1:1' });
    expect(registry.set('users', { id: 'a', group: 'A' })).toMatchObject({
      weight: 3,
      group: 'A',
      address: '10.0.0.1:1',
    });
  });

  it('goes down and comes back: who watches hears what is true by then', async () => {
    const { registry, time, directory, heard } = await follow();
    registry.set('users', { id: 'a' });
    await eventually(() => expect(heard).toEqual(['added a']));
    registry.down();
    await eventually(() => expect(directory.view('users')).toMatchObject({ status: 'known', staleSince: 0 }));
    registry.lose('users', 'a');
    registry.set('users', { id: 'b' });
    expect(heard).toEqual(['added a']);
    registry.up();
    await time.advanceAsync(5000);
    await eventually(() => expect(heard).toEqual(['added a', 'removed a lost', 'added b']));
    expect(directory.view('users')).not.toHaveProperty('staleSince');
  });

  it('has settled once who watches goes by what was said', async () => {
    const { registry, directory, heard } = await follow();
    registry.set('users', { id: 'a' });
    registry.route('users', { type: 'any' });
    expect(heard).toEqual([]);
    await registry.settled();
    expect(heard).toEqual(['added a', 'route']);
    expect(directory.view('users')).toMatchObject({ route: { type: 'any' } });
    // Also where there is nobody, or nobody any more.
    registry.set('orders', { id: 'a' });
    registry.set('users', { id: 'b' });
    registry.down();
    await registry.settled();
  });

  it.each<[string, (registry: ManualRegistry) => unknown, string]>([
    ['a route', (it) => it.route('users', { type: 'splt' } as never), 'route.type: found "splt".'],
    ['a misspelt field', (it) => it.set('users', { id: 'b', adress: 'h:1' } as never), 'Did you mean `address`?'],
    ['no id', (it) => it.set('users', { address: 'h:1' } as never), 'instance.id: found undefined.'],
    ['a status', (it) => it.set('users', { id: 'b', status: 'down' as never }), 'instance.status: found "down".'],
    ['a weight', (it) => it.set('users', { id: 'b', weight: -1 }), 'instance.weight: found -1.'],
    ['a service', (it) => it.set('a/b', { id: 'b' }), 'ROOKERY_NAME_INVALID at service: found "a/b".'],
    ['who leaves', (it) => it.leave('users', 'nope'), 'id: found "nope". In users there is: "a".'],
    ['who is lost', (it) => it.lose('users', 'a', 'nope'), 'id: found "nope".'],
    ['who leaves another', (it) => it.leave('orders', 'a'), 'In orders there is: nobody.'],
  ])('refuses what is misspelt, and does nothing then: %s', async (_, say, message) => {
    const { registry, directory } = await follow();
    registry.set('users', { id: 'a' });
    expect(() => say(registry)).toThrow(message);
    await registry.settled();
    const view = directory.view('users');
    expect(view.status === 'known' && [...view.instances.keys(), view.route]).toEqual(['a', undefined]);
  });

  it('takes no registrations, and says what does', () => {
    expect(() => manualRegistry().register(undefined as never)).toThrow(/ROOKERY_REGISTRY_READONLY.*memory\(\)/s);
  });
});
