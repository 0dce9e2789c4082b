import { measureChange } from '../test/support/scale/change.js';
import { measurePropagation } from '../test/support/scale/propagation.js';
import { measureReRegistration } from '../test/support/scale/re-registration.js';
import { measureView } from '../test/support/scale/view.js';
import type { Bench, Result } from './bench.js';

/** As it is by default. */
const TTL_MS = 20_000;
const REGISTRATIONS = 1000;
/** A small service and a large one: what changes one entry should cost the same. */
const SIZES = [100, 10_000];
const PUTS = 2000;

type Progress = (line: string) => void;

export const registry: Bench = {
  name: 'registry',
  summary: '1 000 registrations after an outage, 10 000 instances in a view, from a put to a pick (about 3 minutes)',
  async *run({ onProgress }) {
    // What is measured in µs comes first: the others leave a heap behind.
    yield* propagation(onProgress);
    yield* view(onProgress);
    yield* reRegistration(onProgress);
  },
};

async function* propagation(onProgress: Progress): AsyncGenerator<Result> {
  for (const instances of [1, 10_000]) {
    const subject = instances === 1 ? 'one instance' : `one instance of ${instances}`;
    onProgress(`propagation: ${subject}`);
    yield { bench: 'propagation', subject, ...(await measurePropagation({ puts: PUTS, instances })) };
  }
}

async function* view(onProgress: Progress): AsyncGenerator<Result> {
  for (const size of SIZES) {
    onProgress(`view: ${size} instances`);
    const first = await measureView(size);
    const inDirectory = await measureChange({ instances: size, withBalancer: false });
    const withBalancer = await measureChange({ instances: size, withBalancer: true });
    yield {
      bench: 'view',
      subject: `${size} instances`,
      ...first,
      // Of few instances the heap is lost among what else the process takes or lets go of.
      ...(size < 1000 && { heapBytesPerInstance: undefined, balancerBytesPerInstance: undefined }),
      changeUs: inDirectory.us,
      changeBytes: inDirectory.bytes,
      balancedChangeUs: withBalancer.us,
      balancedChangeBytes: withBalancer.bytes,
    };
  }
}

async function* reRegistration(onProgress: Progress): AsyncGenerator<Result> {
  const subjects = { hang: `etcd hung for ${(1.25 * TTL_MS) / 1000} s`, wipe: 'etcd came back without data' };
  for (const outage of ['hang', 'wipe'] as const) {
    const subject = subjects[outage];
    onProgress(`re-registration: ${subject}`);
    const told = (line: string) => onProgress(`  ${line}`);
    const options = { registrations: REGISTRATIONS, ttlMs: TTL_MS, outage, onProgress: told };
    yield { bench: 're-registration', subject, ...(await measureReRegistration(options)) };
  }
}
