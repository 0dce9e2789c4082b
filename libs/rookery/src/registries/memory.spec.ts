import { describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../core/event.js';
import { createInstance } from '../core/instance.js';
import { registryConformance } from '../testing/registry-conformance.js';
import { memory, processMemory } from './memory.js';

let processes = 0;

describe('memory conforms:', () => {
  const make = async () => {
    const namespace = `spec-${processes++}`;
    const registry = processMemory(namespace);
    const other = processMemory(namespace);
    const dispose = async () => {
      await registry[Symbol.asyncDispose]();
      await other[Symbol.asyncDispose]();
    };
    return { registry, other, dispose };
  };
  for (const { name, run } of registryConformance(make)) it(name, run);
});

const instance = (id = 'a', weight = 1) =>
  createInstance({ id, service: 's', address: '127.0.0.1:1', weight, generation: id });

async function firstOf(registry: ReturnType<typeof memory>): Promise<unknown> {
  for await (const [change] of registry.watch('s', new AbortController().signal)) return change;
  return undefined;
}

describe('memory', () => {
  it('registers at once', () => {
    const registry = memory();
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    expect(registry.register(instance()).state).toBe('registered');
    expect(events).toEqual([{ type: 'registration.changed', service: 's', id: 'a', state: 'registered' }]);
  });

  it('is another registry with every call', async () => {
    memory().register(instance());
    expect(await firstOf(memory())).toEqual({ type: 'reset', instances: [] });
  });

  it('may be used again after it was disposed', async () => {
    const registry = memory();
    const first = registry.register(instance('first'));
    await registry[Symbol.asyncDispose]();
    expect(first.state).toBe('released');
    const next = instance('next');
    registry.register(next);
    expect(await firstOf(registry)).toEqual({ type: 'reset', instances: [next] });
  });

  it('tells one batch per change', async () => {
    const registry = memory();
    const abort = new AbortController();
    const heard: string[][] = [];
    const watching = (async () => {
      for await (const batch of registry.watch('s', abort.signal)) heard.push(batch.map(({ type }) => type));
    })();
    await Promise.resolve();
    const registration = registry.register(instance());
    await registration.update({ weight: 2 });
    await registration[Symbol.asyncDispose]();
    await expect.poll(() => heard).toEqual([['reset'], ['set'], ['set'], ['set'], ['delete']]);
    abort.abort();
    await watching;
  });

  it('keeps the first claimant of an id waiting until the second leaves', async () => {
    const registry = memory();
    const first = registry.register(instance('twin', 1));
    const second = registry.register(instance('twin', 2));
    expect([first.state, second.state]).toEqual(['superseded', 'registered']);
    await first.update({ weight: 3 });
    expect(await firstOf(registry)).toEqual({ type: 'reset', instances: [second.instance] });
    await second[Symbol.asyncDispose]();
    expect(first.state).toBe('registered');
    expect(await firstOf(registry)).toEqual({ type: 'reset', instances: [first.instance] });
    await first[Symbol.asyncDispose]();
    expect(await firstOf(registry)).toEqual({ type: 'reset', instances: [] });
  });

  it('refuses names that no client could dial', async () => {
    const registry = memory();
    expect(() => registry.register(createInstance({ id: 'a', service: '../x', address: 'h:1' }))).toThrow(
      'ROOKERY_NAME_INVALID',
    );
    await expect(registry.watch('../x', new AbortController().signal)[Symbol.asyncIterator]().next()).rejects.toThrow(
      'ROOKERY_NAME_INVALID',
    );
  });
});
