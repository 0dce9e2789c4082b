import { describe, it } from 'vitest';
import { EtcdBench } from '../../../../../../test/support/etcd-registry.js';
import { registryConformance } from '../../../testing/registry-conformance.js';

const bench = new EtcdBench();

// One for each way that a value is made and a key is found; the others differ from these in their words alone.
describe.each(['grpc-go', 'micro', 'kratos'] as const)('etcd in the dialect %s conforms:', (name) => {
  const make = async () => {
    const options = { read: [name], write: [name], ttlMs: 20_000 };
    const { host } = bench.server;
    const [registry, other] = [bench.connect(host, options).registry, bench.connect(host, options).registry];
    return { registry, other, dispose: () => bench.closeAll() };
  };
  for (const { name: title, run } of registryConformance(make, { upAndUngrouped: true })) it(title, run);
});
