import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { createInstance, type Registration, type Registry } from 'rookery/core';
import { etcd } from 'rookery/etcd';
import { eventually, startEtcd, type EtcdServer } from 'rookery/testing';
import { median, quantile, round } from './quantile.js';
import { RawEtcd } from './raw-etcd.js';
import { RequestLog } from './requests.js';

/** What takes the leases: etcd hangs for longer than they last, or is back without its data. */
export type Outage = 'hang' | 'wipe';

export interface ReRegistrationOptions {
  readonly registrations: number;
  readonly ttlMs: number;
  readonly outage: Outage;
  readonly onProgress?: (line: string) => void;
}

export interface ReRegistration {
  readonly registrations: number;
  /** Registered again within two minutes. */
  readonly back: number;
  /** From etcd's return until so many of them are registered again, ms. */
  readonly firstMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly lastMs: number;
  /** Puts that etcd executed; what expired is not among them. */
  readonly writes: number;
  /** Calls and opened streams that left the process, per 100 ms from the first to the last of them. */
  readonly peakRequests: number;
  readonly medianRequests: number;
  /** The longest that the event loop stood still, ms. */
  readonly loopBlockMs: number;
  /** Not in etcd under a lease when another TTL had passed. */
  readonly lost: number;
}

const SERVICE = 'scale';
const PREFIX = `rookery/services/${SERVICE}/`;
const ALL_BACK_MS = 120_000;
const DELAY_RESOLUTION_MS = 5;

/**
 * Registrations of one process, each with a lease, a ping and a watch of its own, as if each were a server: they share
 * only the connection and the event loop, which makes it worse for them than for so many processes.
 */
export async function measureReRegistration(options: ReRegistrationOptions): Promise<ReRegistration> {
  const { registrations: count, ttlMs, outage, onProgress = () => {} } = options;
  using log = new RequestLog();
  await using server = await startEtcd();
  await using registry = etcd({ hosts: server.host, ttlMs });
  using raw = new RawEtcd(server.host);
  const registrations = registerAll(registry, count);
  await Promise.all(registrations.map(({ registered }) => registered));
  onProgress(`${count} registered`);
  const before = outage === 'wipe' ? 1 : await raw.revision();
  const back = new Returns(registry);
  await lose(server, outage, ttlMs);
  const start = performance.now();
  const loopBlockMs = await recovery(back, count).catch((error: unknown) => onProgress(String(error)));
  const requests = log.rates(start, performance.now());
  const writes = await countPuts(raw, before);
  onProgress(`${back.times.size} of ${count} are back; looking again in ${round(1.5 * ttlMs)} ms`);
  await pause(1.5 * ttlMs);
  const lost = count - (await raw.leased(PREFIX)).length;
  const after = [...back.times.values()].map((at) => round(at - start));
  return {
    registrations: count,
    back: back.times.size,
    firstMs: quantile(after, 0),
    p50Ms: quantile(after, 0.5),
    p99Ms: quantile(after, 0.99),
    lastMs: quantile(after, 1),
    writes,
    peakRequests: round(quantile(requests, 1)),
    medianRequests: round(median(requests)),
    loopBlockMs: round(loopBlockMs ?? Number.NaN),
    lost,
  };
}

/** Resolves with the longest that the event loop stood still until all were back, ms. */
async function recovery({ times }: Returns, count: number): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delay.enable();
  const all = () => {
    if (times.size < count) throw new Error(`${times.size} of ${count} are back`);
  };
  await eventually(all, { timeoutMs: ALL_BACK_MS }).finally(() => delay.disable());
  return Math.max(0, delay.max / 1e6 - DELAY_RESOLUTION_MS);
}

function registerAll(registry: Registry, count: number): Registration[] {
  return Array.from({ length: count }, (_, i) =>
    registry.register(
      createInstance({
        id: `i-${i}`,
        service: SERVICE,
        address: `10.0.${i >> 8}.${i & 255}:50051`,
        // One of its own is what makes it a server of its own.
        generation: `g-${i}`,
        peer: 1,
      }),
    ),
  );
}

async function lose(server: EtcdServer, outage: Outage, ttlMs: number): Promise<void> {
  if (outage === 'wipe') return server.restart({ wipe: true });
  server.kill('SIGSTOP');
  await pause(1.25 * ttlMs);
  server.kill('SIGCONT');
}

/** When each registration was registered last. */
class Returns {
  readonly times = new Map<string, number>();

  constructor(registry: Registry) {
    registry.events.on((event) => {
      if (event.type !== 'registration.changed') return;
      if (event.state === 'registered') this.times.set(event.id, performance.now());
      else this.times.delete(event.id);
    });
  }
}

/** Reads them in etcd's own history. */
async function countPuts(raw: RawEtcd, after: number): Promise<number> {
  const end = await raw.revision();
  let puts = 0;
  let seen = after;
  using _watch = await raw.watch(PREFIX, after + 1, ({ events }) => {
    for (const { type, kv } of events) {
      if (Number(kv.mod_revision) > end) continue;
      if (type === 'Put') puts += 1;
      seen = Number(kv.mod_revision);
    }
  });
  const whole = () => {
    if (seen < end) throw new Error(`history ends at ${seen}, before ${end}`);
  };
  await eventually(whole, { timeoutMs: 20_000 });
  return puts;
}
