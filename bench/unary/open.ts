import type { Result } from '../bench.js';
import { brief, medianOf } from './figures.js';
import { runRounds, type RoundOptions } from './rounds.js';
import type { Stage } from './stage.js';

const PAYLOAD = '16B';
/** Before each run: callers of a closed loop, and for how long, ms. */
const WARM_UP = { payload: PAYLOAD, concurrency: 64, ms: 100 } as const;

/** Every subject of the stage, with calls that come at their instants however slow it is. */
export async function measureOpen(stage: Stage, offered: number, options: RoundOptions): Promise<Result[]> {
  const rounds = await runRounds(stage, options, async ({ client }) => {
    await client.ask('closed', WARM_UP);
    return client.ask('open', { payload: PAYLOAD, perSecond: offered, ms: options.ms });
  });
  return [...rounds].map(([{ subject, servers }, reports]) => {
    const figure = (of: (report: (typeof reports)[number]) => number) => brief(medianOf(reports.map(of)));
    return {
      bench: 'unary',
      mode: 'open',
      subject: subject.name,
      offered,
      payload: PAYLOAD,
      instances: servers.length,
      keptUp: medianOf(reports.map(({ keptUp }) => Number(keptUp))) === 1,
      rps: figure(({ rps }) => rps),
      p50us: figure(({ p50us }) => p50us),
      p99us: figure(({ p99us }) => p99us),
      p999us: figure(({ p999us }) => p999us),
      failed: reports.reduce((sum, { failed }) => sum + failed, 0),
      rounds: reports.length,
    };
  });
}
