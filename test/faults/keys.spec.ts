import { eventually, startEtcd, type EtcdServer } from 'rookery/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { pause } from '../support/faults/pause.js';
import { SERVICE } from '../support/faults/service.js';

/** How soon an entry must be back, ms. */
const RESTORED_MS = 2000;
const INSTANCES = 3;

let etcd: EtcdServer;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(() => etcd.stop());

interface Entry {
  readonly value: string;
  /** As etcdctl wants it; `0` where there is none. */
  readonly lease: string;
  readonly version: number;
}

async function read(key: string): Promise<Entry | undefined> {
  // Ids of leases are above what JSON.parse can hold.
  const json = (await etcd.etcdctl('get', '-w', 'json', key)).replace(/"lease":(\d+)/, '"lease":"$1"');
  const { kvs } = JSON.parse(json) as { kvs?: [{ value: string; lease?: string; version: number }] };
  const kv = kvs?.[0];
  if (!kv) return undefined;
  return {
    value: Buffer.from(kv.value, 'base64').toString(),
    lease: BigInt(kv.lease ?? 0).toString(16),
    version: kv.version,
  };
}

async function revision(): Promise<number> {
  const { header } = JSON.parse(await etcd.etcdctl('get', '-w', 'json', 'nothing')) as { header: { revision: number } };
  return header.revision;
}

const old = (value: string) => JSON.stringify({ ...(JSON.parse(value) as object), gen: 'of-an-earlier-process' });

/** What somebody does to keys of the fleet, and how many keys have to be written again for it. */
const FAULTS: readonly [name: string, run: (keys: readonly string[]) => Promise<unknown>, spoilt: number][] = [
  ['a lease is revoked', async ([key]) => etcd.etcdctl('lease', 'revoke', (await read(key!))!.lease), 1],
  ['a key is deleted', async ([key]) => etcd.etcdctl('del', key!), 1],
  [
    'all keys are deleted at once',
    async ([key]) => etcd.etcdctl('del', '--prefix', key!.slice(0, key!.lastIndexOf('/'))),
    INSTANCES,
  ],
  ['a key is written without its lease', async ([key]) => etcd.etcdctl('put', key!, (await read(key!))!.value), 1],
  ['a key is written with garbage', async ([key]) => etcd.etcdctl('put', key!, '{"Op":'), 1],
  [
    'a key is written with an old generation',
    async ([key]) => etcd.etcdctl('put', key!, old((await read(key!))!.value)),
    1,
  ],
];

describe('in etcd', () => {
  it.each(FAULTS)(
    '%s: it is back within 2 s, no call fails, and nothing is written without need',
    async (name, run, spoilt) => {
      const prefix = name.replaceAll(' ', '-');
      await using fleet = await FaultFleet.start({ registry: onEtcd(etcd.host, { prefix }), instances: INSTANCES });
      const keys = [...fleet.instances.keys()].map((id) => `${prefix}/services/${SERVICE}/${id}`);
      const before = await Promise.all(keys.map(read));
      const from = await revision();
      await run(keys);
      await eventually(
        async () => {
          for (const [i, key] of keys.entries()) {
            const entry = await read(key);
            expect(entry?.value).toBe(before[i]!.value);
            expect(entry?.lease).not.toBe('0');
          }
        },
        { timeoutMs: RESTORED_MS },
      );
      const registered = () => registeredIn(etcd, prefix);
      await fleet.recovers(registered);
      // A storm would have begun by then. The fault itself is one write.
      await pause(1500);
      expect((await revision()) - from).toBeLessThanOrEqual(1 + spoilt);
      await fleet.verify(registered);
    },
    90_000,
  );
});
