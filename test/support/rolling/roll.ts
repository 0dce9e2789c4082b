import { startEtcd } from 'rookery/testing';
import type { Served } from '../../apps/served.js';
import { stopProbes } from '../probe-server.js';
import { RollingClient } from './client.js';
import { explain } from './explain.js';
import { Fleet, isOurs } from './fleet.js';
import type { ClientKind, ClientReport, ServerKind } from './report.js';
import { runSchedule, SERVERS } from './schedule.js';

export interface RollOptions {
  readonly server: ServerKind;
  /** Each is a process of its own; all call the same servers. */
  readonly clients: readonly ClientKind[];
  /** Restarts one after another; those of the other parts come on top. */
  readonly restarts: number;
  /** Of each client. */
  readonly minCalls?: number;
  readonly seed: number;
  /** Whether there are streams of seconds as well; then the servers run as in production, whose stops wait for those. */
  readonly longStreams?: boolean;
  /** Ends it at once, and every process. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (line: string) => void;
}

/** What became of one client's calls. */
export interface Outcome {
  readonly client: ClientKind;
  readonly calls: number;
  readonly failed: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** In words, the first of them. */
  readonly failures: readonly string[];
  readonly slowestMs: number;
  readonly restarts: number;
  /** How many instances there were, and how many of them answered. */
  readonly started: number;
  readonly answered: number;
  /** What servers took of all clients, where they count it. */
  readonly served: Served;
  readonly seconds: number;
  readonly seed: number;
}

/** Restarts servers under load, in real processes; on a real etcd, where they are found by one. */
export async function roll(options: RollOptions): Promise<Outcome[]> {
  const etcd = isOurs(options.server) ? await startEtcd() : undefined;
  const registry = etcd && `etcd://${etcd.host}`;
  const { longStreams } = options;
  const env = longStreams ? { NODE_ENV: 'production' } : {};
  const fleet = new Fleet(options.server, { registry, env, signal: options.signal });
  const clients: RollingClient[] = [];
  const run = async () => {
    await Promise.all(Array.from({ length: SERVERS }, () => fleet.start()));
    const target = `ipv4:${fleet.addresses.join(',')}`;
    for (const [i, kind] of options.clients.entries())
      clients.push(new RollingClient(kind, { registry, target, seed: options.seed + i, longStreams }));
    return rollUnder(clients, fleet, options);
  };
  try {
    return await Promise.race([run(), aborted(options.signal)]);
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    await stopProbes();
    await etcd?.stop();
  }
}

function aborted(signal?: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('the restarts were ended', { cause: signal.reason })));
  });
}

async function rollUnder(
  clients: readonly RollingClient[],
  fleet: Fleet,
  { restarts, minCalls = 0, seed, onProgress = () => {} }: RollOptions,
): Promise<Outcome[]> {
  const settled = () => Promise.all(clients.map((client) => client.sees(fleet.names)));
  await settled();
  const start = performance.now();
  await runSchedule(fleet, {
    restarts,
    enough: () => clients.every(({ calls }) => calls >= minCalls),
    settled,
    onPart: (part) => onProgress(`${part}; ${clients.map(progressOf).join(', ')}`),
  });
  const reports = await Promise.all(clients.map((client) => client.stop()));
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  const started = fleet.restarts + fleet.names.length;
  await fleet.end();
  return reports.map((report, i) => ({
    client: clients[i]!.kind,
    ...outcomeOf(report, fleet),
    started,
    seconds,
    seed,
  }));
}

function progressOf({ kind, calls, report }: RollingClient): string {
  return `${kind}: ${calls} calls, ${report?.failed ?? 0} failed`;
}

function outcomeOf(
  { calls, failed, statuses, failures, slowestMs, answered }: ClientReport,
  fleet: Fleet,
): Omit<Outcome, 'client' | 'started' | 'seconds' | 'seed'> {
  return {
    calls,
    failed,
    statuses,
    failures: failures.map((failure) => explain(failure, fleet)),
    slowestMs,
    restarts: fleet.restarts,
    answered: Object.keys(answered).length,
    served: fleet.served,
  };
}
