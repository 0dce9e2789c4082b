import { etcd } from 'rookery/etcd';
import { createDirectory } from 'rookery/grpc';
import { startEtcd } from 'rookery/testing';
import { channelBalancer, connectAll } from './channel-balancer.js';
import { entryOf } from './entries.js';
import { heapInUse } from './heap.js';
import { round } from './quantile.js';
import { RawEtcd } from './raw-etcd.js';

export interface View {
  /** In the view, of those that stand in etcd. */
  readonly instances: number;
  /** From the first subscription until the view is known, ms. */
  readonly firstViewMs: number;
  /** Of the directory and of what the watch of etcd keeps, for each instance. */
  readonly heapBytesPerInstance: number;
  /** Of the balancer of one channel on top, with connections that weigh nothing. */
  readonly balancerBytesPerInstance: number;
}

type Directory = ReturnType<typeof createDirectory>;

/** The first view of so many instances of one service, from a real etcd. */
export async function measureView(instances: number): Promise<View> {
  await using server = await startEtcd();
  using raw = new RawEtcd(server.host);
  await raw.putAll(Array.from({ length: instances }, (_, n) => entryOf('scale', n)));
  await raw.putAll([entryOf('warm', 0)]);
  await using registry = etcd({ hosts: server.host });
  await using directory = createDirectory(registry);
  // Whatever is loaded and connected once is no part of it.
  using _warm = await subscribed(directory, 'warm');
  const before = heapInUse();
  const start = performance.now();
  using _subscription = await subscribed(directory, 'scale');
  const firstViewMs = round(performance.now() - start, 1);
  const known = heapInUse();
  const balancer = channelBalancer(directory, 'scale');
  connectAll(balancer);
  const balanced = heapInUse();
  const view = directory.view('scale');
  balancer.close();
  return {
    instances: view.status === 'known' ? view.instances.size : 0,
    firstViewMs,
    heapBytesPerInstance: round((known - before) / instances),
    balancerBytesPerInstance: round((balanced - known) / instances),
  };
}

/** Resolves with the first view. */
function subscribed(directory: Directory, service: string): Promise<Disposable> {
  return new Promise((resolve) => {
    const subscription = directory.subscribe(service, () => {
      if (directory.view(service).status === 'known') resolve(subscription);
    });
  });
}
