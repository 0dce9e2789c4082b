import { soak, type SoakSide } from '../test/support/soak/run.js';
import { seeded } from '../test/support/seeded.js';
import type { Bench, Flags, Result } from './bench.js';

const MINUTES = 10;
/** Fewer leave no thirds to compare. */
const LEAST_MINUTES = 0.5;

export const soaking: Bench = {
  name: 'soak',
  summary: `what both sides of mux hold after hours of calls (${MINUTES} minutes)`,
  flags: { minutes: `how long; default ${MINUTES}` },
  check: (flags) => void minutesOf(flags),
  async *run({ flags, onProgress, onFailure }) {
    const { seed } = seeded();
    onProgress(`seed ${seed}`);
    const { report, seconds, sides } = await soak({ minutes: minutesOf(flags), seed, onProgress });
    for (const failure of report.failures) onFailure(failure);
    const { calls, failed, statuses } = report;
    for (const side of sides) yield resultOf(side);
    yield { subject: 'calls', calls, failed, statuses, seconds: Math.round(seconds), seed };
  },
};

const mb = (bytes: number) => Math.round(bytes / 1e4) / 100;

function resultOf({ name, heap, rss, handles }: SoakSide): Result {
  return {
    subject: name,
    heapFirstMB: mb(heap.first),
    heapLastMB: mb(heap.last),
    growthPercent: Math.round((heap.last / heap.first - 1) * 1000) / 10,
    heapMBPerHour: mb(heap.perHour),
    rssFirstMB: mb(rss.first),
    rssLastMB: mb(rss.last),
    handlesFirst: Math.round(handles.first),
    handlesLast: Math.round(handles.last),
  };
}

function minutesOf({ minutes = `${MINUTES}` }: Flags): number {
  const value = Number(minutes);
  if (!(value >= LEAST_MINUTES))
    throw new Error(`--minutes takes a number of at least ${LEAST_MINUTES}, not ${minutes}.`);
  return value;
}
