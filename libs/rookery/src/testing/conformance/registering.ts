import assert from 'node:assert/strict';
import type { RookeryEvent } from '../../core/event.js';
import { sameInstance } from '../../core/instance.js';
import { eventually } from '../eventually.js';
import type { Stage, StagedCase } from './stage.js';

/** What becomes of a registration that is not changed. */
export const registeringCases: readonly StagedCase[] = [
  {
    name: 'a registration reaches a watcher with every field as it was given',
    showsAll: true,
    run: async (stage) => {
      const instance = stage.instance({
        group: 'A',
        weight: 3,
        zone: 'z-1',
        version: '1.2.3',
        secure: true,
        metadata: { k: 'v' },
      });
      const watcher = await stage.observe();
      await stage.registry.register(instance).registered;
      await watcher.until((instances) => assert.equal(instances.length, 1));
      assert.deepEqual(plain(watcher.instances[0]!), plain(instance));
      assert.ok(sameInstance(watcher.instances[0]!, instance));
    },
  },
  {
    name: 'defaults stay absent: an instance without zone and version has none for a watcher',
    run: async (stage) => {
      const instance = stage.instance();
      await stage.registry.register(instance).registered;
      assert.deepEqual((await stage.observe()).instances.map(plain), [plain(instance)]);
    },
  },
  {
    name: 'metadata may hold any text, under any name',
    run: async (stage) => {
      const metadata = JSON.parse(
        '{"__proto__":"p","constructor":"c","ключ":"значение 🐦","":"","quote":"\\"\\\\\\n\\t/","Op":"1","addr":"x"}',
      );
      const instance = stage.instance({ metadata });
      await stage.registry.register(instance).registered;
      const [seen] = (await stage.observe()).instances;
      assert.ok(seen && sameInstance(seen, instance), JSON.stringify(seen));
    },
  },
  {
    name: 'names may be as odd and as long as the rules allow',
    showsAll: true,
    run: async (stage) => {
      const odd = ['a.b-c_d', 'A', `${'x'.repeat(62)}.`, '0..-__', 'CON', 'a.json', stage.service.toUpperCase()];
      for (const name of odd) {
        const service = name.length > 60 ? name : `${name}-${stage.service}`;
        const watcher = await stage.observe(service);
        await stage.registered({ service, id: name, group: name });
        await watcher.until(([seen]) =>
          assert.deepEqual([seen?.service, seen?.id, seen?.group], [service, name, name]),
        );
      }
    },
  },
  {
    name: 'ids that differ only in case are two instances',
    run: async (stage) => {
      for (const id of ['Ab', 'aB']) await stage.registered({ id });
      assert.deepEqual((await stage.observe()).ids, ['Ab', 'aB']);
    },
  },
  { name: 'two hundred instances arrive, each once, and go', run: twoHundred },
  { name: 'the registry tells the states of a registration as events', run: tellsStates },
  {
    name: 'a registry says whether it takes registrations, and refuses them where it does not',
    readOnly: true,
    run: async (stage) => {
      const { registry, fixture } = stage;
      assert.equal(registry.capabilities.register, fixture.known === undefined);
      if (registry.capabilities.register) return;
      assert.throws(() => registry.register(stage.instance()), { code: 'ROOKERY_REGISTRY_READONLY' });
    },
  },
  {
    name: 'the name of the registry is one line without secrets',
    readOnly: true,
    run: async ({ registry, fixture }) => {
      assert.match(registry.name, /^[a-z]+:\P{Cc}*$/u);
      assert.doesNotMatch(registry.name, /:[^/@\s]+@/);
      for (const secret of fixture.secrets ?? []) assert.ok(!registry.name.includes(secret), 'the name shows a secret');
    },
  },
];

async function twoHundred(stage: Stage): Promise<void> {
  const watcher = await stage.observe();
  const registrations = await Promise.all(Array.from({ length: 200 }, (_, i) => stage.registered({ id: `i${i}` })));
  await watcher.until((instances) => assert.equal(instances.length, 200));
  assert.equal(watcher.deltas.filter(({ type }) => type === 'added').length, 200);
  assert.equal((await stage.observe()).instances.length, 200);
  await Promise.all(registrations.map((registration) => registration[Symbol.asyncDispose]()));
  await watcher.until((instances) => assert.equal(instances.length, 0));
}

async function tellsStates(stage: Stage): Promise<void> {
  const events: RookeryEvent[] = [];
  stage.registry.events.on((event) => events.push(event));
  const registration = await stage.registered({ id: 'told' });
  assert.equal(registration.state, 'registered');
  await registration[Symbol.asyncDispose]();
  assert.equal(registration.state, 'released');
  await eventually(() => {
    const states = events.map((event) => event.type === 'registration.changed' && `${event.id} ${event.state}`);
    assert.deepEqual(states, ['told registered', 'told released']);
  });
}

/** Without the prototypes, which differ on purpose. */
function plain(instance: object): unknown {
  return JSON.parse(JSON.stringify(instance));
}
