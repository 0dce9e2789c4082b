import type { RookeryEvent } from 'rookery/core';
import { freePort, startEtcdCluster, startTcpProxy, type EtcdCluster } from 'rookery/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultFleet, onEtcd, type FleetOptions } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { pause } from '../support/faults/pause.js';

const TTL_MS = 6000;
/** How long a watch may stand at a host that hangs, ms: meanwhile nobody hears who has left, and no call fails by it. */
const NOTICED_MS = 6000;

let cluster: EtcdCluster;
beforeAll(async () => {
  cluster = await startEtcdCluster();
});
afterAll(() => cluster?.stop());

/** A fleet whose registries tell what troubles them. */
function watched(hosts: readonly string[], prefix: string) {
  const troubles: string[] = [];
  const registry: FleetOptions['registry'] = (who) => {
    const made = onEtcd(hosts, { ttlMs: TTL_MS, prefix })(who);
    made.events.on((event) => {
      const trouble = troubleOf(event);
      if (trouble !== undefined) troubles.push(`${who}: ${trouble}`);
    });
    return made;
  };
  return { troubles, registry };
}

function troubleOf(event: RookeryEvent): string | undefined {
  if (event.type === 'watch.broken' || event.type === 'registration.changed')
    return event.error === undefined ? undefined : `${event.type} ${(event.error as Error).message}`;
  return event.type === 'instance.removed' && event.cause === 'lost' ? `lost ${event.id}` : undefined;
}

describe.concurrent('of several hosts of etcd', () => {
  it.each(['refuses', 'hangs'])(
    'one that %s from the beginning is not noticed',
    async (how) => {
      const prefix = `one-${how}`;
      await using proxy = await startTcpProxy(cluster.hosts[2]!);
      proxy.blackHole();
      const bad = how === 'hangs' ? proxy.host : `127.0.0.1:${await freePort()}`;
      const { troubles, registry } = watched([bad, ...cluster.hosts.slice(0, 2)], prefix);
      await using fleet = await FaultFleet.start({ registry });
      for (let i = 0; i < 3; i += 1) {
        await fleet.add();
        await fleet.remove();
      }
      await pause(TTL_MS);
      const registered = () => registeredIn(cluster.members[0]!, prefix);
      await fleet.recovers(registered);
      await fleet.verify(registered, { leaveMs: NOTICED_MS });
      expect(troubles).toEqual([]);
    },
    90_000,
  );

  it.each(['cut', 'blackHole'] as const)(
    'one that breaks later (%s) is not noticed either',
    async (fault) => {
      const prefix = `later-${fault}`;
      const proxies = await Promise.all(cluster.hosts.map((host) => startTcpProxy(host)));
      const { troubles, registry } = watched(
        proxies.map(({ host }) => host),
        prefix,
      );
      await using fleet = await FaultFleet.start({ registry });
      // Streams that break at once after they were opened are told.
      await pause(3000);
      for (const proxy of proxies) {
        proxy[fault]();
        await fleet.add();
        await fleet.remove();
        await pause(1.2 * TTL_MS);
        proxy.heal();
        await pause(3000);
      }
      const registered = () => registeredIn(cluster.members[0]!, prefix);
      await fleet.recovers(registered);
      await fleet.verify(registered, { leaveMs: NOTICED_MS });
      expect(troubles).toEqual([]);
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    },
    120_000,
  );

  it('all of which are away is told with the reason of one of them', async () => {
    const hosts = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const { troubles, registry } = watched(hosts, 'away');
    const made = registry('client');
    const end = new AbortController();
    const first = made.watch('anything', end.signal)[Symbol.asyncIterator]().next();
    await expect(first).rejects.toMatchObject({
      code: 'ROOKERY_REGISTRY_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
    expect(troubles).toEqual([]);
    await made[Symbol.asyncDispose]();
  });
});
