import assert from 'node:assert/strict';
import { eventually } from '../eventually.js';
import type { Stage, StagedCase } from './stage.js';

/** How a registration ends. */
export const releasingCases: readonly StagedCase[] = [
  {
    name: 'a release drains, then deletes: the instance has left',
    run: async (stage) => {
      const watcher = await stage.observe();
      const registration = await stage.registered({ id: 'leaver' });
      await watcher.until((instances) => assert.equal(instances.length, 1));
      await registration[Symbol.asyncDispose]();
      await watcher.until((instances) => assert.equal(instances.length, 0));
      const last = watcher.deltas.at(-1);
      assert.deepEqual(last?.type === 'removed' && [last.instance.id, last.cause], ['leaver', 'left']);
      const drained = watcher.deltas.filter((delta) => delta.type === 'changed');
      assert.ok(drained.every((delta) => delta.type === 'changed' && delta.instance.status === 'draining'));
    },
  },
  {
    name: 'the release of one instance leaves the other',
    run: async (stage) => {
      const watcher = await stage.observe();
      const first = await stage.registered({ id: 'first' });
      await stage.registered({ id: 'second' });
      await first[Symbol.asyncDispose]();
      await watcher.until(() => assert.deepEqual(watcher.ids, ['second']));
      assert.deepEqual((await stage.observe()).ids, ['second']);
    },
  },
  {
    name: 'a release may be asked for again and again',
    run: async (stage) => {
      const registration = await stage.registered();
      await Promise.all([registration[Symbol.asyncDispose](), registration[Symbol.asyncDispose]()]);
      await registration[Symbol.asyncDispose]();
      assert.equal(registration.state, 'released');
      assert.deepEqual((await stage.observe()).ids, []);
    },
  },
  { name: 'a release before the registration is accepted leaves nothing', run: releasesEarly },
  {
    name: 'an update after the release resolves and changes nothing',
    run: async (stage) => {
      const registration = await stage.registered();
      const releasing = registration[Symbol.asyncDispose]();
      await registration.update({ weight: 1 });
      await releasing;
      await registration.update({ weight: 2 });
      assert.deepEqual((await stage.observe()).ids, []);
    },
  },
  {
    name: 'an id may be registered again after its release',
    run: async (stage) => {
      const watcher = await stage.observe();
      for (const weight of [1, 2, 3]) {
        const registration = await stage.registered({ id: 'phoenix', weight });
        await watcher.until(([seen]) => assert.equal(seen?.weight, weight));
        await registration[Symbol.asyncDispose]();
        await watcher.until((instances) => assert.equal(instances.length, 0));
      }
    },
  },
  {
    name: 'closing the registry releases what was registered with it, and ends its watches',
    run: async (stage) => {
      const registrations = [await stage.registered(), await stage.registered()];
      const watcher = await stage.observe();
      const own = await stage.observe(stage.service, stage.registry);
      await stage.registry[Symbol.asyncDispose]();
      assert.deepEqual(
        registrations.map(({ state }) => state),
        ['released', 'released'],
      );
      await eventually(() => assert.equal(own.ended, true));
      if (stage.other === stage.registry) return;
      await watcher.until((instances) => assert.equal(instances.length, 0));
      assert.ok(watcher.deltas.every((delta) => delta.type !== 'removed' || delta.cause === 'left'));
    },
  },
];

async function releasesEarly(stage: Stage): Promise<void> {
  const watcher = await stage.observe();
  const registration = stage.registry.register(stage.instance());
  const outcome = registration.registered.then(
    () => 'registered',
    (error: { code?: string }) => error.code,
  );
  await registration[Symbol.asyncDispose]();
  // The registry may have been faster.
  assert.ok(['registered', 'ROOKERY_REGISTRATION_RELEASED'].includes((await outcome) ?? ''), await outcome);
  assert.equal(registration.state, 'released');
  // What is registered next is seen, and nothing of the first any more.
  await stage.registered({ id: 'next' });
  await watcher.until(() => assert.deepEqual(watcher.ids, ['next']));
  assert.deepEqual((await stage.observe()).ids, ['next']);
}
