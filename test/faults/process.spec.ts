import { eventually, jumpClock, startEtcd, type EtcdServer } from 'rookery/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { pause } from '../support/faults/pause.js';
import { SERVICE } from '../support/faults/service.js';

let etcd: EtcdServer;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd.stop());

/** When the entry was made, which no other lease or registration leaves as it was. */
async function createdAt(key: string): Promise<number | undefined> {
  const { kvs } = JSON.parse(await etcd.etcdctl('get', '-w', 'json', key)) as { kvs?: [{ create_revision: number }] };
  return kvs?.[0].create_revision;
}

describe('a process', () => {
  it('whose event loop is blocked for 10 s keeps its registration', async () => {
    const prefix = 'blocked';
    await using fleet = await FaultFleet.start({ registry: onEtcd(etcd.host, { prefix, ttlMs: 20_000 }) });
    await fleet.stopCalls();
    const keys = [...fleet.instances.keys()].map((id) => `${prefix}/services/${SERVICE}/${id}`);
    const before = await Promise.all(keys.map(createdAt));
    const end = performance.now() + 10_000;
    while (performance.now() < end);
    expect(await Promise.all(keys.map(createdAt))).toEqual(before);
    const registered = () => registeredIn(etcd, prefix);
    // Pings and answers that came late are dealt with by then.
    await pause(8000);
    await eventually(async () => {
      for (const { registration } of fleet.instances.values()) expect(registration.state).toBe('registered');
      expect(await Promise.all(keys.map(createdAt))).toEqual(before);
    });
    await fleet.verify(registered);
  }, 60_000);

  it.each([
    ['forward', 3_600_000],
    ['back', -3_600_000],
  ])(
    'whose clock is set %s by an hour keeps its registration, its view and its calls',
    async (name, ms) => {
      const prefix = `clock-${name}`;
      await using fleet = await FaultFleet.start({ registry: onEtcd(etcd.host, { prefix, ttlMs: 2000 }) });
      const jump = jumpClock(ms);
      try {
        const from = performance.now();
        await eventually(() => expect(performance.now() - from).toBeGreaterThan(5000), { timeoutMs: 10_000 });
      } finally {
        jump[Symbol.dispose]();
      }
      const registered = () => registeredIn(etcd, prefix);
      await fleet.recovers(registered);
      await fleet.verify(registered);
    },
    60_000,
  );
});
