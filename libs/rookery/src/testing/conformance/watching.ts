import assert from 'node:assert/strict';
import { eventually } from '../eventually.js';
import { Observer } from './observer.js';
import type { Stage, StagedCase } from './stage.js';

/** How a watch begins, what it tells to whom, and how it ends. */
export const watchingCases: readonly StagedCase[] = [
  {
    name: 'a watch of a service without instances starts with an empty reset',
    readOnly: true,
    run: async (stage) => {
      const { batches } = await stage.observe();
      assert.deepEqual(
        batches[0]?.map((change) => change.type === 'reset' && change.instances),
        [[]],
      );
    },
  },
  { name: 'a watch starts with a reset to all that is there', readOnly: true, run: startsWithAll },
  {
    name: 'instances stand oldest first',
    run: async (stage) => {
      const ids = ['z', 'b', 'y', 'a', 'x'];
      for (const id of ids) await stage.registered({ id });
      assert.deepEqual((await stage.observe()).ids, ids);
    },
  },
  {
    name: 'two watchers of one service hear the same',
    run: async (stage) => {
      const watchers = [
        await stage.observe(),
        await stage.observe(),
        await stage.observe(stage.service, stage.registry),
      ];
      const registration = await stage.registered({ id: 'one' });
      await registration.update({ weight: 7 });
      for (const watcher of watchers) await watcher.until(([instance]) => assert.equal(instance?.weight, 7));
      await watchers[0]!.stop();
      await stage.registered({ id: 'two' });
      await watchers[1]!.until((instances) => assert.equal(instances.length, 2));
      assert.equal(watchers[0]!.instances.length, 1);
    },
  },
  {
    name: 'a watch ends as soon as its signal aborts, without an error',
    readOnly: true,
    run: async (stage) => {
      const watcher = await stage.observe();
      watcher.abort();
      await eventually(() => assert.equal(watcher.ended, true), { timeoutMs: 1000 });
      assert.equal(watcher.error, undefined);
    },
  },
  {
    name: 'a watch whose signal has aborted before says nothing',
    readOnly: true,
    run: async ({ other, service }) => {
      for await (const batch of other.watch(service, AbortSignal.abort()))
        assert.fail(`heard ${JSON.stringify(batch)}`);
    },
  },
  {
    name: 'a watcher may simply stop listening',
    run: async (stage) => {
      for await (const [change] of stage.other.watch(stage.service, new AbortController().signal)) {
        assert.equal(change?.type, 'reset');
        break;
      }
      await stage.registered({ id: 'later' });
      assert.deepEqual((await stage.observe()).ids, ['later']);
    },
  },
  { name: 'services are kept apart, also where one name is the beginning of another', run: keepsServicesApart },
];

async function startsWithAll(stage: Stage): Promise<void> {
  const { known } = stage.fixture;
  const ids = known?.ids ?? ['a', 'b', 'c'];
  if (!known) for (const id of ids) await stage.registered({ id });
  const { batches } = await stage.observe(known?.service);
  const [first] = batches[0]!;
  assert.equal(first?.type, 'reset');
  assert.deepEqual(first.type === 'reset' && first.instances.map(({ id }) => id), ids);
}

async function keepsServicesApart(stage: Stage): Promise<void> {
  const names = ['', '-server', '-server-2', '.server', '.', '_', '0'].map((end) => `${stage.service}${end}`);
  const watchers: Observer[] = [];
  for (const name of names) watchers.push(await stage.observe(name));
  const registrations = await Promise.all(names.map((service, i) => stage.registered({ service, id: `i${i}` })));
  for (const [i, watcher] of watchers.entries()) {
    await watcher.until(([instance]) => assert.equal(instance?.service, names[i]));
    assert.deepEqual(watcher.ids, [`i${i}`]);
  }
  await registrations[0]![Symbol.asyncDispose]();
  await watchers[0]!.until((instances) => assert.equal(instances.length, 0));
  for (const [i, watcher] of watchers.entries()) assert.deepEqual(watcher.ids, i === 0 ? [] : [`i${i}`]);
}
