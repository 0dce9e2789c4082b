import type { Result } from '../bench.js';
import { brief, medianOf, ratioOf } from './figures.js';
import type { LoadReport } from './load/report.js';
import type { Cell } from './plan.js';
import { runRounds, type Rounds, type RoundOptions } from './rounds.js';
import type { Stage, Stand } from './stage.js';
import { ROUND_ROBIN, STOCK } from './subjects.js';

/** Before each run, of its length. */
const WARM_UP = 0.4;

interface Round extends LoadReport {
  readonly serverCpuUs: number;
}

/** Every subject of the stage under the same closed loop, in turn. */
export async function measureClosed(stage: Stage, cell: Cell, options: RoundOptions): Promise<Result[]> {
  const { concurrency, payload } = cell;
  const rounds = await runRounds(stage, options, async (stand, round): Promise<Round> => {
    const { client } = stand;
    if (round === 0) await client.ask('check', payload);
    await client.ask('closed', { payload, concurrency, ms: WARM_UP * options.ms });
    const before = await stand.serverCpuUs();
    const report = await client.ask('closed', { payload, concurrency, ms: options.ms });
    return { ...report, serverCpuUs: ((await stand.serverCpuUs()) - before) / report.calls };
  });
  return [...rounds].map(([stand, reports]) => resultOf(cell, stand, reports, rounds));
}

function resultOf(cell: Cell, { subject }: Stand, reports: readonly Round[], rounds: Rounds<Round>): Result {
  const figure = (of: (report: Round) => number) => brief(medianOf(reports.map(of)));
  const speeds = reports.map(({ rps }) => rps);
  return {
    bench: 'unary',
    mode: 'closed',
    subject: subject.name,
    ...cell,
    rps: figure(({ rps }) => rps),
    rpsMin: brief(Math.min(...speeds)),
    rpsMax: brief(Math.max(...speeds)),
    toNest: ratioTo(STOCK, 'rps', reports, rounds),
    toRoundRobin: ratioTo(ROUND_ROBIN, 'rps', reports, rounds),
    p50us: figure(({ p50us }) => p50us),
    p99us: figure(({ p99us }) => p99us),
    p999us: figure(({ p999us }) => p999us),
    cpuUs: figure(({ cpuUs }) => cpuUs),
    serverCpuUs: figure(({ serverCpuUs }) => serverCpuUs),
    cpuToNest: ratioTo(STOCK, 'cpuUs', reports, rounds),
    cpuToRoundRobin: ratioTo(ROUND_ROBIN, 'cpuUs', reports, rounds),
    calls: reports.reduce((sum, { calls }) => sum + calls, 0),
    failed: reports.reduce((sum, { failed }) => sum + failed, 0),
    rounds: reports.length,
  };
}

/** `null` where the other one was not measured. */
function ratioTo(name: string, figure: 'rps' | 'cpuUs', ours: readonly Round[], rounds: Rounds<Round>): number | null {
  const theirs = [...rounds].find(([{ subject }]) => subject.name === name)?.[1];
  if (!theirs) return null;
  const figures = (reports: readonly Round[]) => reports.map((report) => report[figure]);
  return brief(ratioOf(figures(ours), figures(theirs)));
}
