import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInstance } from 'rookery/core';
import { createRecorder, eventually, startEtcd, startTcpProxy, type EtcdServer } from 'rookery/testing';
import { describe, expect, it } from 'vitest';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { FaultInstance } from '../support/faults/instance.js';
import { registeredIn } from '../support/faults/registered.js';
import { SERVICE } from '../support/faults/service.js';
import { pause } from '../support/faults/pause.js';

const TTL_MS = 2000;
const QUARANTINE_MS = 2000;
/** When an instance that has left ends its connections, ms, and some more. */
const CONNECTION_MS = 5000;
/** etcd is full with this many bytes. */
const QUOTA_BYTES = 16 * 1024 * 1024;

/** Until etcd refuses to take more. */
async function fill(etcd: EtcdServer): Promise<void> {
  const input = 'x'.repeat(1024 * 1024);
  while (!(await etcd.etcdctl('alarm', 'list')).includes('NOSPACE'))
    await etcd.etcdctl('put', 'filler', { input }).catch(() => {});
}

async function revisionOf(etcd: EtcdServer): Promise<string> {
  const { header } = JSON.parse(await etcd.etcdctl('get', '-w', 'json', 'x')) as { header: { revision: number } };
  return String(header.revision);
}

async function makeSpace(etcd: EtcdServer): Promise<void> {
  await etcd.etcdctl('compact', await revisionOf(etcd));
  await etcd.etcdctl('defrag');
  await etcd.etcdctl('alarm', 'disarm');
}

async function revokeLeases(etcd: EtcdServer): Promise<void> {
  const [, ...leases] = (await etcd.etcdctl('lease', 'list')).split('\n');
  for (const lease of leases) await etcd.etcdctl('lease', 'revoke', lease);
}

describe.concurrent('etcd', () => {
  it('out of space for three times the quarantine: the fleet serves on, and registers when there is space', async () => {
    await using etcd = await startEtcd({ args: ['--quota-backend-bytes', `${QUOTA_BYTES}`] });
    const registry = onEtcd(etcd.host, { ttlMs: TTL_MS });
    await using fleet = await FaultFleet.start({ registry, quarantineMs: QUARANTINE_MS });
    await fill(etcd);
    // A full etcd takes no entries, and goes on ending leases.
    await revokeLeases(etcd);
    expect(await registeredIn(etcd)).toEqual([]);
    await pause(3 * QUARANTINE_MS);
    expect(await registeredIn(etcd)).toEqual([]);
    await makeSpace(etcd);
    const registered = () => registeredIn(etcd);
    await fleet.recovers(registered);
    await fleet.verify(registered);
  }, 90_000);

  it('restored from a backup whose addresses are other services’ by now: no call goes to a wrong process', async () => {
    await using etcd = await startEtcd();
    const registry = onEtcd(etcd.host, { ttlMs: TTL_MS });
    const recorder = createRecorder();
    const folder = await mkdtemp(join(tmpdir(), 'rookery-backup-'));
    const others = [
      await FaultInstance.start(registry('instance'), recorder, 'other'),
      await FaultInstance.start(registry('instance'), recorder, 'other'),
    ];
    try {
      const past = onEtcd(etcd.host, { ttlMs: 10_000 })('instance');
      const gone = others.map(({ proxy }, i) =>
        past.register(
          createInstance({ id: `gone-${i}`, generation: 'gone', service: SERVICE, address: proxy.host, peer: 1 }),
        ),
      );
      await Promise.all(gone.map((entry) => entry.registered));
      await etcd.etcdctl('snapshot', 'save', join(folder, 'backup'));
      await past[Symbol.asyncDispose]();
      await using fleet = await FaultFleet.start({ registry });
      await etcd.restore(join(folder, 'backup'));
      const registered = () => registeredIn(etcd);
      await eventually(async () => expect(await registered()).toEqual(expect.arrayContaining(['gone-0', 'gone-1'])));
      for (const client of fleet.clients)
        await eventually(() => expect(client.view).toEqual(expect.arrayContaining(['gone-0', 'gone-1'])));
      // Until their leases end once more.
      await fleet.recovers(registered, { timeoutMs: 60_000 });
      await fleet.verify(registered);
      expect(others.map(({ handled }) => handled)).toEqual([0, 0]);
    } finally {
      await Promise.all(others.map((other) => other[Symbol.asyncDispose]()));
      await rm(folder, { recursive: true, force: true });
    }
  }, 120_000);

  it('compacted while the watch is cut off: views are what the registry says', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startTcpProxy(etcd.host);
    const direct = onEtcd(etcd.host, { ttlMs: TTL_MS });
    const cut = onEtcd(proxy.host, { ttlMs: TTL_MS });
    const registry = (who: 'instance' | 'client') => (who === 'client' ? cut(who) : direct(who));
    await using fleet = await FaultFleet.start({ registry });
    proxy.cut();
    await fleet.add();
    await fleet.remove();
    await etcd.etcdctl('compact', await revisionOf(etcd));
    proxy.heal();
    const registered = () => registeredIn(etcd);
    await fleet.recovers(registered);
    // Whoever is cut off goes by the connection: the instance ends it 3 s after it has left.
    await fleet.verify(registered, { leaveMs: CONNECTION_MS });
  }, 60_000);
});

describe.concurrent('a server that is released while its put is on its way', () => {
  it('the first of all: leaves no ghost', async () => {
    await using etcd = await startEtcd();
    await using proxy = await startTcpProxy(etcd.host);
    proxy.delay(400);
    const registry = onEtcd(proxy.host, { ttlMs: TTL_MS })('instance');
    const leases = async () => Number((await etcd.etcdctl('lease', 'list')).match(/\d+/)?.[0]);
    registry.register(createInstance({ id: 'a', service: SERVICE, address: '10.0.0.1:1', peer: 1 }));
    // The lease is granted, and nobody has been told: the put comes next.
    await eventually(async () => expect(await leases()).toBe(1), { timeoutMs: 10_000 });
    await pause(500);
    await registry[Symbol.asyncDispose]();
    proxy.heal();
    await eventually(async () => expect([await leases(), await registeredIn(etcd)]).toEqual([0, []]), {
      timeoutMs: 15_000,
    });
    await pause(2 * TTL_MS);
    expect(await registeredIn(etcd)).toEqual([]);
  }, 60_000);

  it.each(['delayed', 'held back until the server is gone'])(
    '%s: leaves no ghost',
    async (how) => {
      await using etcd = await startEtcd();
      await using proxy = await startTcpProxy(etcd.host);
      const registry = onEtcd(proxy.host, { ttlMs: TTL_MS })('instance');
      const entry = registry.register(createInstance({ id: 'a', service: SERVICE, address: '10.0.0.1:1', peer: 1 }));
      await entry.registered;
      if (how === 'delayed') proxy.delay(1500);
      else proxy.blackHole();
      void entry.update({ weight: 7 });
      await registry[Symbol.asyncDispose]();
      proxy.heal();
      await eventually(async () => expect(await registeredIn(etcd)).toEqual([]), { timeoutMs: 15_000 });
      await pause(2 * TTL_MS);
      expect(await registeredIn(etcd)).toEqual([]);
    },
    60_000,
  );
});
