import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { stopProbes } from '../support/probe-server.js';
import { explain } from '../support/rolling/explain.js';
import { roll, type Outcome, type RollOptions } from '../support/rolling/roll.js';
import { seeded } from '../support/seeded.js';

const MIN_CALLS = 50_000;
const RESTARTS = 24;

const rolled = async (options: Omit<RollOptions, 'seed'>): Promise<Outcome[]> => {
  const { seed } = seeded();
  const outcomes = await roll({ ...options, seed });
  for (const { failures: _f, ...outcome } of outcomes) console.log(JSON.stringify(outcome));
  return outcomes;
};

describe('a restart of every server under load', () => {
  // A test that ran out of time left them.
  afterEach(stopProbes);

  it('fails none of 2 × 50 000 calls and streams, be the retries of grpc on or off', async ({ signal }) => {
    const clients = ['rookery', 'rookery-retries-off'] as const;
    const outcomes = await rolled({ server: 'rookery', clients, restarts: RESTARTS, minCalls: MIN_CALLS, signal });
    expect(outcomes.map(({ client, failures }) => ({ client, failures }))).toEqual(
      clients.map((client) => ({ client, failures: [] })),
    );
    for (const { calls, failed, restarts, started, answered } of outcomes) {
      expect(failed).toBe(0);
      expect(calls).toBeGreaterThanOrEqual(MIN_CALLS);
      expect(restarts).toBeGreaterThanOrEqual(RESTARTS + 3 + 4);
      expect(answered, 'servers that answered').toBe(started);
    }
  }, 300_000);

  it('fails none of 2 × 50 000 over mux, be the retries of grpc on or off', async ({ signal }) => {
    const clients = ['rookery-mux', 'rookery-mux-retries-off'] as const;
    const outcomes = await rolled({ server: 'rookery-mux', clients, restarts: RESTARTS, minCalls: MIN_CALLS, signal });
    expect(outcomes.map(({ client, failures }) => ({ client, failures }))).toEqual(
      clients.map((client) => ({ client, failures: [] })),
    );
    for (const { calls, failed, started, answered } of outcomes) {
      expect(failed).toBe(0);
      expect(calls).toBeGreaterThanOrEqual(MIN_CALLS);
      expect(answered, 'servers that answered').toBe(started);
    }
    const { unary, streams, ofHttp2 } = outcomes[0]!.served;
    expect(unary).toBeGreaterThan(MIN_CALLS);
    expect(ofHttp2 - streams, 'streams of HTTP/2 that carried unary calls').toBeLessThan(unary / 20);
  }, 300_000);

  it('fails none of the streams of 2 to 5 s either, which a stop in production waits for', async ({ signal }) => {
    const clients = ['rookery-retries-off'] as const;
    const [outcome] = await rolled({ server: 'rookery', clients, restarts: 2, longStreams: true, signal });
    expect(outcome!.failures).toEqual([]);
    expect(outcome!.failed).toBe(0);
  }, 180_000);

  it("loses calls on Nest's own server and client, which is what Rookery is measured against", async ({ signal }) => {
    const [stock] = await rolled({ server: 'stock', clients: ['stock'], restarts: 4, signal });
    expect(
      stock!.failed,
      'Nest lost no call, without gracefulShutdown, either: where that lasts, say so in bench/README.md and the README',
    ).toBeGreaterThan(0);
  }, 120_000);

  it('says of a failed call which status it had, of which server, and when in the life of the servers', () => {
    const call = { method: 'ask', status: 'UNAVAILABLE', details: 'refused', messages: 0, expected: 1 } as const;
    const events = [
      { at: 100, what: 'had SIGTERM', name: 'i1' },
      { at: 110, what: 'had SIGTERM', name: 'i2' },
      { at: 150, what: 'was gone', name: 'i2' },
    ] as const;
    const fleet = { events: [...events], nameOf: (instance: string) => (instance === 'id' ? 'i1' : instance) };
    expect(explain({ ...call, sentAt: 116, endedAt: 120, instance: 'id', attempts: 2 }, fleet)).toBe(
      'ask by i1, 2 attempts: UNAVAILABLE after 4 ms with 0 of 1 messages: refused; ' +
        '10 ms after i2 had SIGTERM, 30 ms before i2 was gone, 20 ms after i1 had SIGTERM',
    );
  });
});

describe('npm run bench', () => {
  it('names the benches where it is asked for another, and keeps its output clean', async () => {
    const error = await promisify(execFile)(process.execPath, ['dist/bench/main.js', 'nope', '--json']).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/there is no bench nope[^]*rolling +\S/) as unknown,
    });
  });
});
