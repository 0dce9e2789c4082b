import { startEtcd, startTcpProxy, type EtcdServer, type TcpProxy } from 'rookery/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { pause } from '../support/faults/pause.js';

const TTL_MS = 4000;
/** How long an instance that cannot be reached may go on getting calls, ms: a second of silence, and a look at it. */
const NOTICED_MS = 3000;

const FAULTS = ['cut', 'blackHole', 'halfOpen'] as const;
const WHOM = ['everybody', 'the servers', 'the clients'] as const;

let etcd: EtcdServer;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd.stop());

/** A prefix of its own for each fleet: all of them share one etcd. */
let fleets = 0;

describe('the network to etcd', () => {
  const table = FAULTS.flatMap((fault) => WHOM.map((whom) => ({ fault, whom })));
  it.concurrent.each(table)(
    '$fault for longer than the lease, for $whom: no call fails, every registration is back',
    async ({ fault, whom }) => {
      const prefix = `network-${(fleets += 1)}`;
      await using proxy: TcpProxy = await startTcpProxy(etcd.host);
      const through = (who: string) => whom === 'everybody' || whom === `the ${who}s`;
      await using fleet = await FaultFleet.start({
        registry: (who) => {
          const broken = through(who === 'instance' ? 'server' : 'client');
          return onEtcd(broken ? proxy.host : etcd.host, { ttlMs: TTL_MS, prefix })(who);
        },
      });
      proxy[fault]();
      await pause(3 * TTL_MS);
      proxy.heal();
      const registered = () => registeredIn(etcd, prefix);
      await fleet.recovers(registered);
      await fleet.verify(registered);
    },
    90_000,
  );
});

describe('the network between clients and one instance', () => {
  it.concurrent.each(FAULTS)(
    '%s: only calls that ran there may fail, and soon none go there',
    async (fault) => {
      const prefix = `network-${(fleets += 1)}`;
      await using fleet = await FaultFleet.start({ registry: onEtcd(etcd.host, { ttlMs: TTL_MS, prefix }) });
      const broken = fleet.any;
      const from = performance.now();
      broken.break(fault);
      await pause(10_000);
      await broken.mend();
      const registered = () => registeredIn(etcd, prefix);
      await fleet.recovers(registered);
      await fleet.verify(registered);
      const { calls } = fleet.recorder.history;
      const failed = calls.filter(({ error }) => error !== undefined);
      for (const { startedAt } of failed) expect(startedAt - from).toBeLessThan(NOTICED_MS);
    },
    90_000,
  );
});
