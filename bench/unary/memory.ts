import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../bench.js';
import { brief } from './figures.js';
import type { Program } from './program.js';
import type { Memory } from './questions.js';
import { Stage } from './stage.js';
import type { Subject } from './subjects.js';

/** Until all calls have reached their handler, ms. */
const ARRIVAL_MS = 60_000;
/** What calls that wait in their handler take, on both sides, in programs that have done nothing else but warm up. */
export async function measureMemory(subject: Subject, calls: number, warmUpMs: number): Promise<Result> {
  let cause: unknown;
  await using stage = await Stage.open([subject], { instances: 1, warmUpMs }, (_, error) => (cause = error));
  const [stand] = stage.stands;
  if (!stand) throw cause;
  const { client } = stand;
  const server = stand.servers[0]!;
  const before = await memoriesOf(client, server);
  await client.ask('hold', calls);
  await arrived(server, calls);
  const during = await memoriesOf(client, server);
  await server.ask('release');
  const failed = await client.ask('held');
  const grown = (side: 0 | 1, of: keyof Memory) => brief((1000 * (during[side][of] - before[side][of])) / calls);
  const both = (of: keyof Memory) => brief(grown(0, of) + grown(1, of));
  return {
    bench: 'unary',
    mode: 'memory',
    subject: subject.name,
    inFlight: calls,
    mbPer1000InFlight: both('heap'),
    rssMbPer1000InFlight: both('rss'),
    clientMb: grown(0, 'heap'),
    serverMb: grown(1, 'heap'),
    failed,
  };
}

async function memoriesOf(client: Program, server: Program): Promise<readonly [Memory, Memory]> {
  return [await client.ask('memory'), await server.ask('memory')];
}

async function arrived(server: Program, calls: number): Promise<void> {
  const deadline = Date.now() + ARRIVAL_MS;
  for (;;) {
    const { held } = await server.ask('served');
    if (held >= calls) return;
    if (Date.now() > deadline) throw new Error(`only ${held} of ${calls} calls have reached their handler`);
    await sleep(20);
  }
}
