import { measurePick, PICK_SUBJECTS } from '../test/support/scale/pick.js';
import type { Bench } from './bench.js';

const SIZES = [10, 100, 1000, 10_000];

export const pick: Bench = {
  name: 'pick',
  summary: 'a pick, and one change of a weight, among 10 to 10 000 instances, beside round_robin of grpc-js (a minute)',
  async *run({ onProgress }) {
    for (const subject of PICK_SUBJECTS) {
      for (const instances of SIZES) {
        onProgress(`pick: ${subject}, ${instances} instances`);
        yield { bench: 'pick', subject, instances, ...(await measurePick(subject, instances)) };
      }
    }
  },
};
