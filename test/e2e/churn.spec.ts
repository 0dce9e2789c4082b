import { describe, expect, it } from 'vitest';
import { etcdStage, type EtcdStage } from '../support/etcd-stage.js';
import type { ProbeServer } from '../support/probe-server.js';
import { seeded } from '../support/seeded.js';

const CALLS = 4000;

describe('a fleet that never rests', () => {
  const stage = etcdStage();

  it('fails none of 4 000 calls while instances come, go and change weight at random', async () => {
    const { random, seed } = seeded();
    console.log(`seed ${seed}`);
    const fleet = new Map<string, ProbeServer>();
    let started = 0;
    const start = async () => {
      const name = `i${(started += 1)}`;
      fleet.set(name, await stage.startProbe({ name, weight: 1 + Math.floor(random() * 5) }));
    };
    await Promise.all([start(), start(), start()]);
    const client = await stage.startClient();
    await client.sees([...fleet.keys()]);

    let calls = 0;
    const failed: unknown[] = [];
    const going = () => calls < CALLS;
    const caller = async () => {
      while (going()) {
        calls += 1;
        await client.probe.ask({ delayMs: Math.floor(random() * 40) }).catch((error: unknown) => failed.push(error));
      }
    };
    const comeAndGo = async () => {
      while (going()) {
        const [name, oldest] = [...fleet][0]!;
        if (random() < 0.5 || fleet.size < 3) await start();
        else {
          fleet.delete(name);
          await (random() < 0.5 ? oldest.kill('SIGTERM') : oldest.close());
        }
      }
    };
    let reweighed = 0;
    const operate = async () => {
      for (; going(); reweighed += 1) await reweigh(stage, 1 + Math.floor(random() * 5));
    };
    await Promise.all([comeAndGo(), operate(), ...Array.from({ length: 4 }, caller)]);
    console.log(
      `${calls} calls; ${started} servers started, ${started - fleet.size} stopped, ${reweighed} weights written`,
    );
    expect(failed).toEqual([]);
    expect(started - fleet.size).toBeGreaterThanOrEqual(3);
    expect(reweighed).toBeGreaterThan(50);
  }, 120_000);
});

/** As an operator does it: the weight of the newest entry, its lease kept. */
async function reweigh(stage: EtcdStage, weight: number): Promise<void> {
  const key = (await stage.keys()).at(-1);
  const text = key && (await stage.etcd.etcdctl('get', key, '--print-value-only'));
  if (!text) return;
  const value = JSON.parse(text) as { Addr: string; status: string };
  if (value.status !== 'up') return;
  // A key that went meanwhile has no lease to keep, and the put fails, as it should.
  await stage.etcd.etcdctl('put', '--ignore-lease', key, JSON.stringify({ ...value, weight })).catch(() => undefined);
}
