import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StartStage, timesOut } from '../support/faults/start-stage.js';

describe.concurrent('a client that starts while etcd is away', { timeout: 120_000 }, () => {
  it('is down, with a snapshot: calls succeed at once, and the view follows when etcd comes', async () => {
    await using stage = await StartStage.open();
    await stage.leaveSnapshot();
    await stage.etcd.crash();
    stage.fleet.join();
    await stage.served();
    expect([stage.count('snapshot.used'), stage.count('view.changed')]).toEqual([1, 0]);
    await stage.etcd.restart();
    await stage.follows();
    expect(stage.count('snapshot.ignored')).toBe(0);
  });

  it('is down, and comes back without its data: connected instances serve on until they are registered again', async () => {
    await using stage = await StartStage.open();
    await stage.leaveSnapshot();
    await stage.etcd.crash();
    stage.fleet.join();
    await stage.served();
    await stage.etcd.restart({ wipe: true });
    await stage.follows();
  });

  it('hangs, with a snapshot: calls succeed after a second, and the view follows when etcd goes on', async () => {
    await using stage = await StartStage.open();
    await stage.leaveSnapshot();
    stage.etcd.kill('SIGSTOP');
    stage.fleet.join();
    await stage.served();
    expect([stage.count('snapshot.used'), stage.count('view.changed')]).toEqual([1, 0]);
    stage.etcd.kill('SIGCONT');
    await stage.follows();
  });

  it('is down, with a snapshot that names an instance which is gone: the others serve', async () => {
    await using stage = await StartStage.open();
    await stage.leaveSnapshot();
    await stage.fleet.remove();
    await stage.etcd.crash();
    stage.fleet.join();
    await stage.served();
    await stage.etcd.restart();
    await stage.follows();
  });

  it('is down, without a snapshot: calls wait to their deadline, and recover when etcd comes', async () => {
    await using stage = await StartStage.open({ cached: false });
    await stage.etcd.crash();
    await timesOut(stage.caller(500).ask());
    const waiting = stage.caller(60_000).ask();
    await stage.etcd.restart();
    expect(stage.fleet.instances.has(await waiting)).toBe(true);
    expect([stage.count('snapshot.used'), stage.count('snapshot.ignored')]).toEqual([0, 0]);
    stage.fleet.join();
    await stage.served();
  });
});

describe.concurrent(
  'a snapshot that is of no use is ignored with one warning; calls wait, and recover when etcd comes',
  () => {
    interface Spoilt {
      readonly name: string;
      readonly code: string;
      /** Spoils the snapshot; returns the prefix of the client in etcd. */
      readonly spoil: (stage: StartStage, path: string) => Promise<string | undefined> | void;
    }

    const cases: readonly Spoilt[] = [
      {
        name: 'corrupt',
        code: 'ROOKERY_SNAPSHOT_MALFORMED',
        spoil: (_, path) => writeFileSync(path, readFileSync(path, 'utf8').replace('127.0.0.1', '127.0.0.2')),
      },
      {
        name: 'cut off',
        code: 'ROOKERY_SNAPSHOT_MALFORMED',
        spoil: (_, path) => writeFileSync(path, readFileSync(path).subarray(0, 300)),
      },
      {
        name: 'old',
        code: 'ROOKERY_SNAPSHOT_EXPIRED',
        spoil: (stage) => void (stage.maxAgeMs = 1),
      },
      {
        name: 'of another prefix',
        code: 'ROOKERY_SNAPSHOT_FOREIGN',
        spoil: async (stage, path) => {
          copyFileSync(path, await stage.leaveSnapshot('staging'));
          return 'staging';
        },
      },
    ];

    it.each(cases)('$name', { timeout: 60_000 }, async ({ code, spoil }) => {
      await using stage = await StartStage.open();
      const prefix = await spoil(stage, await stage.leaveSnapshot());
      await stage.etcd.crash();
      await timesOut(stage.caller(1500, prefix ?? undefined).ask());
      const ignored = stage.events.filter(({ type }) => type === 'snapshot.ignored');
      expect(ignored).toMatchObject([{ error: { code } }]);
      expect(stage.count('snapshot.used')).toBe(0);
      await stage.etcd.restart();
      stage.maxAgeMs = 60_000;
      stage.fleet.join();
      await stage.follows();
    });
  },
);
