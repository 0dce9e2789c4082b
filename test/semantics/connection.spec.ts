import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { getClientToken, RookeryModule, type AsyncClient, type CallOptions, type RookeryClient } from 'rookery';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe, type Answer, type Probe } from '../apps/contracts.js';
import { NestStage } from '../support/nest-stage.js';
import { startProbe, stopProbes, type ProbeServer } from '../support/probe-server.js';
import { outcomeOf, plain, type Outcome, type Plain } from './record.js';
import { SERVER_ROOT, TRANSPORTS, type Transport } from './transports.js';

/** Far longer than any case. */
const HANGS = { delayMs: 600_000 };

let folder: string;
let stage: NestStage;
const runtimeDir = process.env['XDG_RUNTIME_DIR'];

beforeEach(async () => {
  process.env['XDG_RUNTIME_DIR'] = folder = await mkdtemp(join(tmpdir(), 'rookery-semantics-'));
  stage = new NestStage();
});
afterEach(async () => {
  await stage.close();
  await stopProbes();
  if (runtimeDir === undefined) delete process.env['XDG_RUNTIME_DIR'];
  else process.env['XDG_RUNTIME_DIR'] = runtimeDir;
  await rm(folder, { recursive: true, force: true });
});

interface World {
  readonly probe: AsyncClient<Probe>;
  readonly client: RookeryClient<{ Probe: Probe }>;
  start(name: string, url?: string): Promise<ProbeServer>;
  /** Calls until each of them has answered one. */
  sees(...names: string[]): Promise<void>;
}

async function worldOf({ root }: Transport): Promise<World> {
  const app = await stage.context(
    stage.module({
      root: { ...root, registry: 'local:' },
      imports: [RookeryModule.forFeature([probe('probe')])],
      controllers: [],
    }),
  );
  const client = app.get<RookeryClient<{ Probe: Probe }>>(getClientToken('probe'));
  const made = client.getAsyncService('Probe');
  return {
    probe: made,
    client,
    start: (name, url) =>
      startProbe({ registry: 'local:', name, ...(url && { url }), env: { PROBE_ROOT: JSON.stringify(SERVER_ROOT) } }),
    sees: async (...names) => {
      const seen = new Set<string>();
      await eventually(async () => {
        seen.add((await made.ask({})).name);
        expect([...seen].toSorted()).toEqual(names);
      });
    },
  };
}

/** One world for each transport, one after the other; they look alike. */
function alike(title: string, run: (world: World) => Promise<unknown>, expected: unknown): void {
  it(title, async () => {
    const records: Plain[] = [];
    for (const transport of TRANSPORTS) {
      records.push(plain(await run(await worldOf(transport))));
      expect(records.at(-1), `over ${transport.name}`).toEqual(expected);
      await stopProbes();
    }
    for (const record of records) expect(record).toEqual(records[0]);
  });
}

/** Without the text, in which the system says how the connection broke. */
function broken(outcome: Outcome): Plain {
  if ('answer' in outcome) return { answer: (outcome.answer as unknown as Answer).name };
  const { class: name, code, instance, attempts, service, isCallError, reason = 'none', keys } = outcome.error;
  return { class: name, code, instance, attempts: attempts ?? 0, service: service ?? '', isCallError, reason, keys };
}

const BROKEN = {
  class: 'Error',
  code: status.UNAVAILABLE,
  instance: true,
  attempts: 1,
  service: 'probe',
  isCallError: true,
  reason: 'none',
  keys: ['attempts', 'code', 'details', 'instance', 'metadata', 'service'],
};

/** Calls that the server has, each with an answer for whoever waits for it. */
async function running({ probe: asked }: World, count: number, options: CallOptions = {}): Promise<Promise<Outcome>[]> {
  const { calls } = await asked.ask({});
  const all = Array.from({ length: count }, () => outcomeOf(asked.ask(HANGS, { timeoutMs: 60_000, ...options })));
  await eventually(async () => {
    const now = await asked.ask({});
    expect(now.calls).toBeGreaterThanOrEqual(calls + count + 1);
  });
  return all;
}

describe('a server that is killed', () => {
  alike(
    'ends the calls that it has as UNAVAILABLE, and the next server of the service takes the next',
    async (world) => {
      const server = await world.start('a');
      const calls = await running(world, 20);
      await server.kill('SIGKILL');
      const ended = (await Promise.all(calls)).map(broken);
      await world.start('b');
      await world.sees('b');
      return ended;
    },
    Array(20).fill(BROKEN),
  );

  alike(
    'and is started again at its address is called again',
    async (world) => {
      const server = await world.start('a');
      await world.sees('a');
      await server.kill('SIGKILL');
      await world.start('again', `127.0.0.1:${server.port}`);
      await eventually(async () => expect((await world.probe.ask({})).name).toBe('again'));
      return (await world.probe.ask({})).name;
    },
    'again',
  );

  alike(
    'has its idempotent calls sent to another',
    async (world) => {
      const doomed = await world.start('a');
      await world.sees('a');
      // The other takes the calls up, and would answer them after ten minutes: they are counted there.
      const calls = Array.from({ length: 3 }, () =>
        outcomeOf(world.probe.ask(HANGS, { timeoutMs: 60_000, idempotent: true })),
      );
      await eventually(async () => expect((await world.probe.ask({})).calls).toBeGreaterThan(3));
      await world.start('b');
      await world.sees('a', 'b');
      await doomed.kill('SIGKILL');
      await eventually(async () => {
        const { name, calls: taken } = await world.probe.ask({});
        expect(name).toBe('b');
        expect(taken).toBeGreaterThan(3);
      });
      return (await Promise.race([Promise.race(calls).then(() => 'ended'), Promise.resolve('running')])) as string;
    },
    'running',
  );
});

describe('a server that stops', () => {
  alike(
    'ends what it has, and takes nothing new: no call fails',
    async (world) => {
      const server = await world.start('a');
      await world.start('b');
      await world.sees('a', 'b');
      const ended: string[] = [];
      let stopping = true;
      const caller = async () => {
        while (stopping)
          ended.push(String((broken(await outcomeOf(world.probe.ask({ delayMs: 5 }))) as { answer?: string }).answer));
      };
      const callers = Array.from({ length: 10 }, caller);
      await eventually(() => expect(ended.length).toBeGreaterThan(20));
      await server.close();
      stopping = false;
      await Promise.all(callers);
      await world.sees('b');
      return [...new Set(ended)].toSorted();
    },
    ['a', 'b'],
  );
});

describe('a service without an instance', () => {
  alike('fails a call at once, and says so', async ({ probe: asked }) => outcomeOf(asked.ask({})), {
    error: {
      class: 'Error',
      code: status.UNAVAILABLE,
      details: expect.stringMatching(/^probe: /) as string,
      message: expect.stringMatching(/^14 UNAVAILABLE: probe: /) as string,
      metadata: {},
      service: 'probe',
      reason: expect.stringMatching(/^ROOKERY_/) as string,
      instance: false,
      attempts: 0,
      isCallError: true,
      keys: ['attempts', 'code', 'details', 'metadata', 'reason', 'service'],
    },
  });

  alike(
    'is waited for by a call that says so',
    async (world) => {
      const waiting = outcomeOf(world.probe.ask({}, { waitForReady: true, timeoutMs: 30_000 }));
      const ready = world.client.waitForReady({ timeoutMs: 30_000 });
      await world.start('late');
      await ready;
      return broken(await waiting);
    },
    { answer: 'late' },
  );

  alike(
    'is waited for until the deadline, and the error says what was missing',
    async ({ probe: asked }) => outcomeOf(asked.ask({}, { waitForReady: true, timeoutMs: 100 })),
    {
      error: {
        class: 'Error',
        code: status.DEADLINE_EXCEEDED,
        details: expect.stringMatching(/^Deadline exceeded after #s/) as string,
        message: expect.stringMatching(/: probe: there was no usable instance$/) as string,
        metadata: {},
        service: 'probe',
        reason: 'ROOKERY_CALL_TIMEOUT',
        instance: false,
        attempts: 0,
        isCallError: true,
        keys: ['attempts', 'code', 'details', 'metadata', 'reason', 'service'],
      },
    },
  );
});
