import { startEtcd, type EtcdServer } from 'rookery/testing';
import { afterAll, describe, it } from 'vitest';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { pause } from '../support/faults/pause.js';

/** The registry's lease: some of the faults last shorter, some longer. */
const TTL_MS = 5000;

const servers: EtcdServer[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

interface Fault {
  readonly name: string;
  readonly run: (etcd: EtcdServer) => Promise<void>;
}

const crash =
  (ms: number, wipe = false) =>
  async (etcd: EtcdServer) => {
    await etcd.crash();
    await pause(ms);
    await etcd.restart({ wipe });
  };

const hang = (ms: number) => async (etcd: EtcdServer) => {
  etcd.kill('SIGSTOP');
  await pause(ms);
  etcd.kill('SIGCONT');
};

const FAULTS: readonly Fault[] = [
  { name: 'is killed and restarts within the lease', run: crash(2000) },
  { name: 'is killed and restarts after the lease', run: crash(2.5 * TTL_MS) },
  { name: 'is killed and restarts without its data', run: crash(1000, true) },
  { name: 'hangs for 5 s', run: hang(5000) },
  { name: 'hangs for 20 s', run: hang(20_000) },
  { name: 'hangs for 40 s', run: hang(40_000) },
];

describe('etcd', () => {
  it.concurrent.each(FAULTS)(
    '$name: no call fails, every registration is back',
    { timeout: 120_000 },
    async ({ run }) => {
      const etcd = await startEtcd();
      servers.push(etcd);
      await using fleet = await FaultFleet.start({ registry: onEtcd(etcd.host, { ttlMs: TTL_MS }) });
      await run(etcd);
      await fleet.recovers(() => registeredIn(etcd));
      await fleet.verify(() => registeredIn(etcd));
    },
  );
});
