import type { EtcdServer, TcpProxy } from 'rookery/testing';
import type { FaultFleet } from './fleet.js';
import { registeredIn } from './registered.js';
import { SERVICE } from './service.js';
import { pause } from './pause.js';

/** Where the faults of a schedule strike. */
export interface Scene {
  readonly etcd: EtcdServer;
  /** Between etcd and the servers, and the clients. */
  readonly networks: readonly TcpProxy[];
  readonly fleet: FaultFleet;
}

type Random = () => number;

/** Something that happens and, where it lasts, ends. */
interface Fault {
  readonly name: string;
  readonly run: (scene: Scene, ms: number, random: Random) => Promise<unknown>;
}

/** Faults of one thing come one after another; those of several things at the same time. */
const TRACKS: readonly (readonly Fault[])[] = [
  [
    { name: 'etcd is killed', run: ({ etcd }, ms) => crash(etcd, ms, false) },
    { name: 'etcd loses its data', run: ({ etcd }, ms) => crash(etcd, ms, true) },
    { name: 'etcd hangs', run: ({ etcd }, ms) => hang(etcd, ms) },
  ],
  [
    ...(['cut', 'blackHole', 'halfOpen'] as const).map((how) => ({
      name: `the network to etcd: ${how}`,
      run: (scene: Scene, ms: number, random: Random) => onNetworks(scene, ms, random, (network) => network[how]()),
    })),
    {
      name: 'the network to etcd is slow',
      run: (scene, ms, random) => onNetworks(scene, ms, random, (network) => network.delay(random() * MAX_DELAY_MS)),
    },
  ],
  [
    { name: 'an instance joins', run: ({ fleet }) => within(fleet.add(), fleet) },
    { name: 'an instance leaves', run: async ({ fleet }) => leaving(fleet) },
    ...(['cut', 'blackHole', 'halfOpen'] as const).map((how) => ({
      name: `the network to an instance: ${how}`,
      run: async ({ fleet }: Scene, ms: number) => {
        const instance = other(fleet);
        instance?.break(how);
        await pause(ms);
        await instance?.mend();
      },
    })),
  ],
  [
    { name: 'keys are deleted', run: ({ etcd }) => etcd.etcdctl('del', '--prefix', keys()) },
    // Without its lease it would be nobody's for good, once its owner has left while etcd was down.
    {
      name: 'a key is garbage',
      run: async ({ etcd }) => etcd.etcdctl('put', '--ignore-lease', await oneOf(etcd), '{"Op":'),
    },
    { name: 'etcd is compacted', run: async ({ etcd }) => etcd.etcdctl('compact', await revisionOf(etcd)) },
    { name: 'leases are revoked', run: ({ etcd }) => revoke(etcd) },
  ],
];

/** How much of the time something is wrong with one thing. */
const BUSY = 0.5;
const MIN_MS = 3000;
const MAX_MS = 10_000;
const MAX_FAULT_MS = 4000;
const MAX_DELAY_MS = 300;

/**
 * Lets faults rain for 3 to 10 s, as the numbers of a seed say; the same numbers make the same rain.
 * @param log what happened, in order, with ms since the start
 */
export async function rain(scene: Scene, random: Random, log: string[]): Promise<void> {
  const start = performance.now();
  const length = MIN_MS + random() * (MAX_MS - MIN_MS);
  const since = () => Math.round(performance.now() - start);
  await Promise.all(
    TRACKS.map(async (faults) => {
      const own = fork(random);
      while (since() < length) {
        const ms = Math.min(own() * MAX_FAULT_MS, length - since());
        if (own() < BUSY) {
          const fault = faults[Math.floor(own() * faults.length)]!;
          log.push(`${since()} ${fault.name} (${Math.round(ms)} ms)`);
          // An etcd that is down cannot be told to compact.
          await fault
            .run(scene, ms, own)
            .catch((error: unknown) => log.push(`${since()} ${fault.name}: ${first(error)}`));
        } else await pause(ms);
      }
    }),
  );
}

/** A source of numbers of its own, so that what one track takes does not depend on when others do. */
function fork(random: Random): Random {
  let state = Math.floor(random() * 2 ** 32);
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function first(error: unknown): string {
  return String(error).split('\n')[0]!.slice(0, 80);
}

async function onNetworks(
  { networks }: Scene,
  ms: number,
  random: Random,
  fault: (network: TcpProxy) => void,
): Promise<void> {
  const some = networks.filter(() => random() < 0.7);
  for (const network of some) fault(network);
  await pause(ms);
  for (const network of some) network.heal();
}

async function crash(etcd: EtcdServer, ms: number, wipe: boolean): Promise<void> {
  await etcd.crash();
  await pause(ms);
  await etcd.restart({ wipe });
}

async function hang(etcd: EtcdServer, ms: number): Promise<void> {
  etcd.kill('SIGSTOP');
  await pause(ms);
  etcd.kill('SIGCONT');
}

/** The first one stays, so that there always is somebody to call. */
function other(fleet: FaultFleet) {
  return [...fleet.instances.values()].slice(1).at(-1);
}

async function leaving(fleet: FaultFleet): Promise<void> {
  const instance = other(fleet);
  if (instance) await fleet.remove(instance);
}

/** A registration may have to wait for etcd; the rain does not wait for it. */
async function within(joining: Promise<unknown>, fleet: FaultFleet): Promise<void> {
  fleet.joining.push(joining);
  await Promise.race([joining, pause(1000)]);
}

const keys = () => `rookery/services/${SERVICE}/`;

async function oneOf(etcd: EtcdServer): Promise<string> {
  const [id] = await registeredIn(etcd);
  if (id === undefined) throw new Error('nobody is registered');
  return keys() + id;
}

async function revisionOf(etcd: EtcdServer): Promise<string> {
  const { header } = JSON.parse(await etcd.etcdctl('get', '-w', 'json', 'x')) as { header: { revision: number } };
  return String(header.revision);
}

async function revoke(etcd: EtcdServer): Promise<void> {
  const [, ...leases] = (await etcd.etcdctl('lease', 'list')).split('\n');
  for (const lease of leases) await etcd.etcdctl('lease', 'revoke', lease);
}
