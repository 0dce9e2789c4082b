import assert from 'node:assert/strict';
import type { InstanceChange } from '../../core/registration.js';
import type { StagedCase } from './stage.js';

const CHANGES: readonly InstanceChange[] = [
  { weight: 0 },
  { weight: 10_000 },
  { status: 'draining' },
  { status: 'up' },
  { zone: 'z', version: '2' },
  { metadata: { a: '1', b: '2' } },
  { metadata: {} },
  { group: 'A', weight: 5 },
];

/** What becomes of a registration that is changed. */
export const changingCases: readonly StagedCase[] = [
  {
    name: 'an update is seen as one instance that changes',
    showsAll: true,
    run: async (stage) => {
      const watcher = await stage.observe();
      const registration = await stage.registered();
      const address = registration.instance.address;
      for (const change of CHANGES) {
        await registration.update(change);
        await watcher.until(([seen]) => assert.deepEqual(picked(seen, change), picked(registration.instance, change)));
      }
      assert.deepEqual(
        watcher.instances.map((seen) => [seen.address, seen.group, seen.weight, seen.zone]),
        [[address, 'A', 5, 'z']],
      );
      assert.ok(!watcher.deltas.some(({ type }) => type === 'removed'));
    },
  },
  {
    name: 'a change of group never shows two instances, nor none',
    showsAll: true,
    run: async (stage) => {
      const registration = await stage.registered();
      const watcher = await stage.observe();
      for (const group of ['A', 'B', '', 'A', '']) {
        await registration.update({ group });
        await watcher.until(([seen]) => assert.equal(seen?.group, group));
      }
      assert.deepEqual(new Set(watcher.counts), new Set([1]));
      assert.ok(!watcher.deltas.some(({ type }) => type === 'removed'));
    },
  },
  {
    name: 'updates in one breath end with the last one',
    run: async (stage) => {
      const registration = await stage.registered();
      const watcher = await stage.observe();
      await Promise.all([1, 2, 3, 4, 5].map((weight) => registration.update({ weight })));
      await watcher.until(([seen]) => assert.equal(seen?.weight, 5));
      assert.equal(registration.instance.weight, 5);
    },
  },
  {
    name: 'an update before the registration is accepted counts',
    run: async (stage) => {
      const registration = stage.registry.register(stage.instance({ weight: 1 }));
      await registration.update({ weight: 2, metadata: { early: 'yes' } });
      const [seen] = (await stage.observe()).instances;
      assert.deepEqual([seen?.weight, { ...seen?.metadata }], [2, { early: 'yes' }]);
    },
  },
  {
    name: 'an update that is not valid is refused and changes nothing',
    run: async (stage) => {
      const registration = await stage.registered({ weight: 9 });
      await assert.rejects(registration.update({ weight: -1 }), { code: 'ROOKERY_WEIGHT_INVALID' });
      await assert.rejects(registration.update({ group: '*' }), { code: 'ROOKERY_NAME_INVALID' });
      await assert.rejects(registration.update({ wieght: 5 } as never), { code: 'ROOKERY_OPTION_INVALID' });
      assert.deepEqual(
        (await stage.observe()).instances.map(({ weight, group }) => [weight, group]),
        [[9, '']],
      );
    },
  },
];

function picked(instance: object | undefined, change: InstanceChange): unknown {
  const entries = Object.entries(instance ?? {}).filter(([field]) => field in change);
  return JSON.parse(JSON.stringify(Object.fromEntries(entries)));
}
