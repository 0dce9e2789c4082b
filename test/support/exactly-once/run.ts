import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from 'rookery/testing';
import { stopProbes } from '../probe-server.js';
import { LedgerClient } from './client.js';
import { compare, type Comparison } from './compare.js';
import { LedgerServers } from './servers.js';

const CLIENTS = 3;
/** Of each client, at a time. */
const CALLERS = 128;
const LOOK_MS = 20;

export interface LedgerRunOptions {
  /** At least. */
  readonly calls: number;
  /** Servers that something becomes of, at least. */
  readonly strikes: number;
  /** After something became of a server, ms, at most; default 300. */
  readonly calmMs?: number;
  readonly seed: number;
  /** Ends it at once, and every process. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (line: string) => void;
}

export interface LedgerRun extends Comparison {
  readonly fates: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly callsPerSecond: number;
  readonly surprises: readonly string[];
  readonly seed: number;
}

/** Calls servers that are killed, drained, frozen and replaced at random, and compares what both sides have written. */
export async function keepLedgers(options: LedgerRunOptions): Promise<LedgerRun> {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-mux-ledger-'));
  const env = { XDG_RUNTIME_DIR: folder, ROOKERY_REGISTRY: 'local:' };
  const random = seededRandom(options.seed);
  const servers = new LedgerServers(folder, env, random);
  const clients: LedgerClient[] = [];
  try {
    await servers.start();
    for (let client = 0; client < CLIENTS; client += 1) clients.push(startClient(client, { folder, env, ...options }));
    return await strikeUnder(clients, servers, random, options);
  } finally {
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    await stopProbes();
    await rm(folder, { recursive: true, force: true });
  }
}

function startClient(
  client: number,
  { folder, env, seed }: { readonly folder: string; readonly env: NodeJS.ProcessEnv; readonly seed: number },
): LedgerClient {
  const own = {
    LEDGER_CLIENT: `${client}`,
    LEDGER_CLIENTS: `${CLIENTS}`,
    LEDGER_CALLERS: `${CALLERS}`,
    LEDGER_SEED: `${seed}`,
  };
  return new LedgerClient({ env: { ...env, ...own }, outcomes: join(folder, `c${client}.outcomes`) });
}

async function strikeUnder(
  clients: readonly LedgerClient[],
  servers: LedgerServers,
  random: () => number,
  { calls, strikes, calmMs = 300, seed, signal, onProgress = () => {} }: LedgerRunOptions,
): Promise<LedgerRun> {
  const ended = () => clients.reduce((sum, { report }) => sum + report.ended, 0);
  const look = async (ms: number) => {
    signal?.throwIfAborted();
    for (const client of clients) client.check();
    await sleep(ms);
  };
  while (clients.some(({ report }) => report.ended === 0)) await look(LOOK_MS);
  const before = ended();
  const start = performance.now();
  for (let struck = 0; struck < strikes || ended() < calls; struck += 1) {
    const fate = await servers.strike();
    onProgress(`${fate}; ${ended()} calls`);
    await look(random() * calmMs);
  }
  const [seconds, during] = [(performance.now() - start) / 1000, ended() - before];
  const reports = await Promise.all(clients.map((client) => client.stop()));
  const outcomes = await Promise.all(clients.map((client) => readFile(client.outcomes)));
  return {
    ...(await compare(outcomes, servers.ledgers)),
    fates: servers.fates as Readonly<Record<string, number>>,
    seconds: Math.round(seconds * 10) / 10,
    callsPerSecond: Math.round(during / seconds),
    surprises: reports.flatMap(({ surprises }) => surprises),
    seed,
  };
}
