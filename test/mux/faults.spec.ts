import { once } from 'node:events';
import { status, type ServiceError } from '@grpc/grpc-js';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Served } from '../apps/served.js';
import { MuxStage, stopped } from '../support/mux-stage.js';
import type { ProbeClient } from '../support/probe-client.js';

const CALLERS = 64;
/** Of a handler, ms. */
const WORK_MS = 5;

interface Failed {
  readonly caller: number;
  readonly idempotent: boolean;
  readonly code: status;
  readonly details: string;
}

/** Callers that call one after the other, every fourth of them what is idempotent, until they are stopped. */
class Load {
  readonly failed: Failed[] = [];
  answered = 0;
  #stopping = false;
  readonly #running: Promise<unknown>;

  constructor(private readonly client: ProbeClient) {
    this.#running = Promise.all(Array.from({ length: CALLERS }, (_, caller) => this.#repeat(caller)));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  /** Resolves after so many answers more. */
  async goesOn(calls = 500): Promise<void> {
    const before = this.answered;
    await eventually(() => expect(this.answered).toBeGreaterThan(before + calls), { timeoutMs: 20_000 });
  }

  async #repeat(caller: number): Promise<void> {
    const idempotent = caller % 4 === 0;
    while (!this.#stopping) {
      const asked = this.client.probe.ask({ delayMs: WORK_MS }, { idempotent, timeoutMs: 20_000 });
      await asked.then(
        () => (this.answered += 1),
        ({ code, details }: ServiceError) => this.failed.push({ caller, idempotent, code, details }),
      );
    }
  }
}

/** Streams of HTTP/2 that carried unary calls, or were for something else. */
const notShared = ({ ofHttp2, streams }: Served) => ofHttp2 - streams;

describe('mux, where something goes wrong', { timeout: 60_000 }, () => {
  let stage: MuxStage;
  beforeEach(() => void (stage = new MuxStage()));
  afterEach(() => stage.close());

  it('fails, with a server that is killed, only what it had in flight, with UNAVAILABLE, and nothing idempotent', async () => {
    // Several others: what is idempotent needs one that is not suspect, be the machine ever so busy.
    const names = ['a', 'b', 'c', 'd'];
    const [victim, ...others] = await Promise.all(names.map((name) => stage.server(name)));
    const client = await stage.client();
    await client.sees(names);
    const load = new Load(client);
    await load.goesOn();
    await victim!.kill('SIGKILL');
    await load.goesOn();
    await load.stop();
    expect(load.failed.length).toBeGreaterThan(0);
    expect(load.failed.filter(({ idempotent, code }) => idempotent || code !== status.UNAVAILABLE)).toEqual([]);
    // A caller that fails calls again, and does so where somebody is.
    expect(new Set(load.failed.map(({ caller }) => caller)).size).toBe(load.failed.length);
    await client.sees(names.slice(1));
    const served = await stopped(others[0]!);
    expect(notShared(served)).toBeLessThan(served.unary / 10);
  });

  it.each(['mux', 'plain'])(
    'sends new calls elsewhere while a server is frozen, and what was in flight is answered when it goes on: %s',
    async (carriage) => {
      const [frozen] = await Promise.all([stage.server('a'), stage.server('b')]);
      const client = await stage.client({ mux: carriage === 'mux' });
      await client.sees(['a', 'b']);
      const load = new Load(client);
      await load.goesOn();
      await frozen.kill('SIGSTOP');
      await eventually(async () => expect(await client.tally(40, { timeoutMs: 400 })).toEqual({ b: 40 }));
      await frozen.kill('SIGCONT');
      await load.stop();
      expect(load.failed).toEqual([]);
      await client.sees(['a', 'b']);
    },
  );

  it('fails no call where a server is replaced by one without it on the same address, and goes back to it after that', async () => {
    const [first, other] = await Promise.all([stage.server('a1'), stage.server('b')]);
    const client = await stage.client();
    await client.sees(['a1', 'b']);
    const load = new Load(client);
    const { port } = first;
    await load.goesOn();
    const before = await stopped(first);
    const second = await stage.server('a2', { mux: false, port });
    await client.sees(['a2', 'b']);
    await load.goesOn(2000);
    const without = await stopped(second);
    const third = await stage.server('a3', { port });
    await client.sees(['a3', 'b']);
    await load.goesOn(2000);
    const after = await stopped(third);
    await load.stop();
    expect(load.failed).toEqual([]);
    expect(notShared(before)).toBeLessThan(before.unary / 10);
    expect(notShared(without)).toBeGreaterThanOrEqual(without.unary);
    expect(notShared(after)).toBeLessThan(after.unary / 10);
    await stopped(other);
  });

  it.each([true, false])('ends the calls of an application that closes, which ends, with mux: %s', async (mux) => {
    await stage.server('a');
    const { child, said } = await stage.clientProcess('close', mux);
    expect(said).toEqual(Array.from({ length: 100 }, () => 'OK'));
    // Where something holds it, this is where the test hangs.
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });

  it.each([true, false])('holds no process that has nothing more to call, with mux: %s', async (mux) => {
    await stage.server('a');
    const { child, said } = await stage.clientProcess('idle', mux);
    expect(said).toBe('called');
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
  });

  it('takes 10 000 calls at once, over a channel that is not connected as over one that is', async () => {
    const server = await stage.server('a');
    const client = await stage.client();
    const answers = () =>
      Promise.all(Array.from({ length: 10_000 }, () => client.probe.ask({}, { timeoutMs: 30_000 })));
    expect(await answers()).toHaveLength(10_000);
    expect(await answers()).toHaveLength(10_000);
    const { unary, ofHttp2 } = await stopped(server);
    expect(unary).toBe(20_000);
    // Those that wait for a connection do so where all do.
    expect(ofHttp2).toBeLessThan(10_100);
  });
});
