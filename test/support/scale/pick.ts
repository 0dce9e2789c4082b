import type { BalancerName } from 'rookery';
import { createDirectory } from 'rookery/grpc';
import { measureChange, scaleInstance } from './change.js';
import { channelBalancer, connectAll } from './channel-balancer.js';
import { medianOf, round } from './quantile.js';
import { measureRoundRobin } from './round-robin.js';
import { ToldRegistry } from './told-registry.js';

/** What a pick costs, and one change of a weight from the registry to the picker. */
export interface PickCost {
  readonly pickNs: number;
  readonly reweighNs: number;
}

/** A picker of ours, or that of grpc-js, which knows no weights: what changes there is the list. */
export type PickSubject = BalancerName | 'grpc-js round_robin';

export const PICK_SUBJECTS: readonly PickSubject[] = [
  'weighted',
  'p2c',
  'least-request',
  'consistent-hash',
  'grpc-js round_robin',
];

const SERVICE = 'scale';
/** Few enough that the system seldom takes the processor away in between. */
const PICKS = 2000;
const RUNS = 300;

export async function measurePick(subject: PickSubject, instances: number): Promise<PickCost> {
  if (subject === 'grpc-js round_robin') return measureRoundRobin(instances);
  const pickNs = await costOfPick(subject, instances);
  const { us } = await measureChange({ instances, withBalancer: true, balancer: subject, batches: 40 });
  return { pickNs, reweighNs: round(us * 1000) };
}

async function costOfPick(balancer: BalancerName, instances: number): Promise<number> {
  await using registry = new ToldRegistry();
  await using directory = createDirectory(registry);
  const channel = channelBalancer(directory, SERVICE, { balancer });
  const known = new Promise<void>((resolve) => void channel.onChange(resolve));
  registry.tell({ type: 'reset', instances: Array.from({ length: instances }, (_, n) => scaleInstance(n)) });
  await known;
  connectAll(channel);
  // As in a fleet that works: each has answered, and took about as long as the others.
  let n = 0;
  const first = callOf('');
  for (const endpoint of channel.endpoints()) {
    channel.callStarted(endpoint, first);
    channel.callEnded(endpoint, first, { code: 0, processed: true, ms: 5 + (n++ % 7) });
  }
  const calls = Array.from({ length: 1024 }, (_, i) => callOf(`user-${i}`));
  const ns = medianOf(RUNS, () => {
    for (let i = 0; i < PICKS; i += 1) channel.pick(calls[i & 1023]!);
  });
  channel.close();
  return round(ns / PICKS);
}

/** Every field at once, as calls are captured: what V8 has to look up in an object that grew costs more than the pick. */
function callOf(hashKey: string) {
  return {
    groups: undefined,
    clientGroups: undefined,
    lane: undefined,
    hashKey,
    waitForReady: undefined,
    idempotent: undefined,
    unary: true,
    timeoutMs: undefined,
    madeAt: performance.now(),
    deadline: Infinity,
    attempts: 0,
    instance: undefined,
  };
}
