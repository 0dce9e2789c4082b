import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SoakReport, SoakSample } from '../../apps/soak.js';
import { SoakProcess } from './process.js';
import { trendOf, type Trend } from './trend.js';

const SERVERS = 2;
/** By turns. */
const CALLERS = [64, 512] as const;
/** With so many callers; what both sides hold is looked at in between, when no call runs. */
const PHASE_MS = 10_000;
/** Before the first sample: what is compiled and allocated once is no growth, ms. */
const WARM_UP_MS = 5000;

export interface SoakRun {
  readonly report: SoakReport;
  readonly seconds: number;
  readonly sides: readonly SoakSide[];
}

/** What a process held, from the first samples to the last. */
export interface SoakSide {
  readonly name: string;
  /** Bytes. */
  readonly heap: Trend;
  readonly rss: Trend;
  readonly handles: Trend;
}

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
}

type Series = { readonly at: number; readonly sample: SoakSample }[];

/** Full load over mux for as long as is said, and what the client and the servers hold meanwhile. */
export async function soak(options: SoakOptions): Promise<SoakRun> {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-soak-'));
  const env = { XDG_RUNTIME_DIR: folder, ROOKERY_REGISTRY: 'local:', SOAK_SEED: `${options.seed}` };
  const processes: SoakProcess[] = [];
  try {
    for (let i = 0; i < SERVERS; i += 1) processes.push(await SoakProcess.start('soak-server', env));
    const client = await SoakProcess.start('soak-client', env);
    processes.unshift(client);
    return await run(client, processes, options);
  } finally {
    await Promise.all(processes.map((each) => each[Symbol.asyncDispose]()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(
  client: SoakProcess,
  processes: readonly SoakProcess[],
  { minutes, onProgress = () => {} }: SoakOptions,
): Promise<SoakRun> {
  for (const callers of CALLERS) await client.ask({ callers, ms: WARM_UP_MS });
  const series: Series[] = processes.map(() => []);
  const start = performance.now();
  let report!: SoakReport;
  for (let phase = 0; performance.now() - start < minutes * 60_000 || phase % CALLERS.length !== 0; phase += 1) {
    report = await client.ask<SoakReport>({ callers: CALLERS[phase % CALLERS.length]!, ms: PHASE_MS });
    const samples = await Promise.all(processes.map((each) => each.ask<SoakSample>('sample')));
    const at = performance.now() - start;
    for (const [i, sample] of samples.entries()) series[i]!.push({ at, sample });
    const heaps = samples.map(({ heap }) => `${(heap / 1e6).toFixed(2)} MB`).join(', ');
    onProgress(`${Math.round(at / 1000)} s: ${report.calls} calls, ${report.failed} failed; heaps ${heaps}`);
  }
  const seconds = (performance.now() - start) / 1000;
  return { report, seconds, sides: series.map((each, i) => sideOf(i === 0 ? 'client' : `server ${i}`, each)) };
}

function sideOf(name: string, series: Series): SoakSide {
  const trend = (key: keyof SoakSample) => trendOf(series.map(({ at, sample }) => ({ at, value: sample[key] })));
  return { name, heap: trend('heap'), rss: trend('rss'), handles: trend('handles') };
}
