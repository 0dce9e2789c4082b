import { etcd } from 'rookery/etcd';
import { createDirectory } from 'rookery/grpc';
import { startEtcd } from 'rookery/testing';
import { channelBalancer, connectAll, type ChannelBalancer } from './channel-balancer.js';
import { entryOf, type EntryFields } from './entries.js';
import { quantile, round } from './quantile.js';
import { RawEtcd } from './raw-etcd.js';

export interface PropagationOptions {
  /** Of each. */
  readonly puts: number;
  /** Of the service whose picks are looked at, the edited one among them; default 1. */
  readonly instances?: number;
}

export interface Propagation {
  readonly instances: number;
  /** Of each. */
  readonly puts: number;
  /** From a put until picks go by it, µs. */
  readonly p50us: number;
  readonly p99us: number;
  /** From a put until a raw watch stream of the package has its event, µs. */
  readonly bareP50us: number;
  readonly bareP99us: number;
  /** Of our median to the bare one. */
  readonly ratio: number;
}

const OURS = 'ours';
const BARE = 'bare';
const WARM_UP = 100;

/** What stands after each edit, in turn: the group, the weight, and both back. */
const EDITS: readonly Required<EntryFields>[] = [
  { group: 'a', weight: 100 },
  { group: 'b', weight: 100 },
  { group: 'b', weight: 0 },
  { group: 'b', weight: 50 },
];

/**
 * How long an edit in etcd takes to reach the picks, beside a bare watch of the same server in the same process, put after
 * put in turn: each of the two hears of its own puts only, so that neither waits for the other.
 */
export async function measurePropagation({ puts, instances = 1 }: PropagationOptions): Promise<Propagation> {
  await using server = await startEtcd();
  using raw = new RawEtcd(server.host);
  using watched = new RawEtcd(server.host);
  await raw.putAll([OURS, BARE].map((service) => entryOf(service, 0, EDITS[0])));
  await raw.putAll(Array.from({ length: instances - 1 }, (_, n) => entryOf(OURS, n + 1)));
  await using registry = etcd({ hosts: server.host });
  await using directory = createDirectory(registry);
  const balancer = channelBalancer(directory, OURS);
  await until(balancer, () => [...balancer.endpoints()].length > 0);
  connectAll(balancer);
  let event = () => {};
  using _watch = await watched.watch(`rookery/groups/${BARE}/`, 0, () => event());
  const times: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
  for (let i = 1 - WARM_UP; i <= puts; i += 1) {
    const edit = EDITS[(i + WARM_UP) % EDITS.length]!;
    const ours = await timed(
      raw,
      OURS,
      edit,
      until(balancer, () => goesBy(balancer, edit)),
    );
    const bare = await timed(raw, BARE, edit, new Promise<void>((resolve) => (event = resolve)));
    if (i <= 0) continue;
    times.ours.push(ours);
    times.bare.push(bare);
  }
  balancer.close();
  return { instances, ...figures(times) };
}

function figures({ ours, bare }: Readonly<Record<'ours' | 'bare', readonly number[]>>): Omit<Propagation, 'instances'> {
  const [p50us, p99us] = [quantile(ours, 0.5), quantile(ours, 0.99)];
  const [bareP50us, bareP99us] = [quantile(bare, 0.5), quantile(bare, 0.99)];
  return {
    puts: ours.length,
    p50us: round(p50us),
    p99us: round(p99us),
    bareP50us: round(bareP50us),
    bareP99us: round(bareP99us),
    ratio: round(p50us / bareP50us, 2),
  };
}

/** From the put until `seen`, µs. Waits for the put, too, so that the next one finds nothing on its way. */
async function timed(raw: RawEtcd, service: string, edit: EntryFields, seen: Promise<void>): Promise<number> {
  const start = performance.now();
  const put = raw.put(...entryOf(service, 0, edit));
  await seen;
  const us = (performance.now() - start) * 1000;
  await put;
  return us;
}

/** A call for each group finds the instance where the edit has put it, and nowhere else. */
function goesBy(balancer: ChannelBalancer, { group, weight }: Required<EntryFields>): boolean {
  return ['a', 'b'].every((asked) => {
    const { pick } = balancer.pick({ groups: [asked], deadline: Infinity, attempts: 0 });
    return asked === group && weight > 0 ? pick?.instance.weight === weight : pick === undefined;
  });
}

/** Looks whenever a waiting call would be told to look. */
async function until(balancer: ChannelBalancer, holds: () => boolean): Promise<void> {
  if (holds()) return;
  const { promise, resolve } = withResolvers();
  using _listener = balancer.onChange(() => {
    if (holds()) resolve();
  });
  await promise;
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
