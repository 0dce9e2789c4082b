import { createInstance, type BalancerName, type ServiceInstance } from 'rookery/core';
import { createDirectory } from 'rookery/grpc';
import { channelBalancer, connectAll } from './channel-balancer.js';
import { addressOf } from './entries.js';
import { allocatedBy } from './heap.js';
import { median, round } from './quantile.js';
import { ToldRegistry } from './told-registry.js';

/** What one change of a weight costs, from the batch that a registry tells until all have followed it. */
export interface ChangeCost {
  readonly us: number;
  readonly bytes: number;
}

const SERVICE = 'scale';
/** Few enough that no collection comes in between. */
const BATCH = 50;
const WARM_UP = 10;

export interface ChangeOptions {
  readonly instances: number;
  /** With the balancer of one channel, whose endpoints are all connected. */
  readonly withBalancer: boolean;
  /** Of that balancer; default `'weighted'`. */
  readonly balancer?: BalancerName;
  /** Of 50 changes each; default 60. */
  readonly batches?: number;
}

export async function measureChange(options: ChangeOptions): Promise<ChangeCost> {
  const { instances, withBalancer, balancer: name = 'weighted', batches = 60 } = options;
  await using registry = new ToldRegistry();
  await using directory = createDirectory(registry);
  const balancer = withBalancer ? channelBalancer(directory, SERVICE, { balancer: name }) : undefined;
  let heard = () => {};
  using _subscription = directory.subscribe(SERVICE, () => heard());
  const told = (tell: () => void) =>
    new Promise<void>((resolve) => {
      heard = resolve;
      tell();
    });
  const all = Array.from({ length: instances }, (_, n) => scaleInstance(n));
  await told(() => registry.tell({ type: 'reset', instances: all }));
  if (balancer) connectAll(balancer);
  const costs: Batch[] = [];
  for (let i = -WARM_UP; i < batches; i += 1) {
    // Made ahead: making it is not ours to count.
    const changed = Array.from({ length: BATCH }, (_, k) => {
      // Of few instances each comes up several times: what is as it was before is no change, and nobody hears of it.
      const turn = i + Math.floor(k / instances);
      return scaleInstance((k * 7919) % instances, turn & 1 ? 100 : 50);
    });
    const cost = await costOf(async () => {
      for (const one of changed) await told(() => registry.tell({ type: 'set', instance: one }));
    });
    if (i >= 0) costs.push(cost);
  }
  balancer?.close();
  const bytes = costs.flatMap((cost) => cost.bytes ?? []);
  return { us: round(median(costs.map(({ us }) => us)) / BATCH, 1), bytes: round(median(bytes) / BATCH) };
}

interface Batch {
  readonly us: number;
  readonly bytes: number | undefined;
}

async function costOf(run: () => Promise<void>): Promise<Batch> {
  let us = 0;
  const bytes = await allocatedBy(async () => {
    const start = performance.now();
    await run();
    us = (performance.now() - start) * 1000;
  });
  return { us, bytes };
}

export function scaleInstance(n: number, weight = 100): ServiceInstance {
  return createInstance({
    id: `i-${n}`,
    service: SERVICE,
    address: addressOf(n),
    generation: `g-${n}`,
    weight,
    peer: 1,
  });
}
