import { describe, expect, it } from 'vitest';
import { closedLoop } from './closed-loop.js';
import { Ledger } from './ledger.js';
import { openLoop } from './open-loop.js';

const MS = 20;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a closed loop', () => {
  it('has as many calls under way as it has callers, and counts every one', async () => {
    let [begun, open, most] = [0, 0, 0];
    const call = async () => {
      begun += 1;
      open += 1;
      most = Math.max(most, open);
      await turn();
      open -= 1;
    };
    const { calls, failed } = await closedLoop(call, { concurrency: 5, ms: MS });
    expect({ calls, failed, most, open }).toEqual({ calls: begun, failed: 0, most: 5, open: 0 });
  });

  it('ends where every call fails at once, and says why', async () => {
    const call = () => Promise.reject(new Error('refused'));
    const { calls, failed, failure } = await closedLoop(call, { concurrency: 2, ms: MS });
    expect({ calls, failure }).toEqual({ calls: 0, failure: 'refused' });
    expect(failed).toBeGreaterThan(0);
  });
});

describe('an open loop', () => {
  it('makes as many calls as are due, and awaits them', async () => {
    let begun = 0;
    const call = async () => {
      begun += 1;
      await turn();
    };
    const report = await openLoop(call, { perSecond: 1000, ms: MS });
    expect(report).toMatchObject({ calls: begun, failed: 0 });
    expect(begun).toBe(MS);
  });

  it('counts from the instant at which a call was due, not from when a blocked client came to it', async () => {
    const blockMs = 30;
    let begun = 0;
    const call = async () => {
      begun += 1;
      if (begun > 1) return;
      const end = performance.now() + blockMs;
      while (performance.now() < end);
    };
    const { p50us } = await openLoop(call, { perSecond: 1000, ms: MS });
    // The calls behind it were due 1, 2, 3 … ms after the first one, and began when it let go of the client.
    expect(p50us).toBeGreaterThanOrEqual(1000 * (blockMs - MS / 2 - 1));
  });

  it('gives up on what cannot keep up, and says so', async () => {
    const answers: (() => void)[] = [];
    const call = () => new Promise<void>((resolve) => answers.push(resolve));
    const done = openLoop(call, { perSecond: 100_000, ms: MS });
    while (answers.length < 1001) await turn();
    await turn();
    expect(answers).toHaveLength(1001);
    for (const answer of answers) answer();
    expect(await done).toMatchObject({ keptUp: false, calls: 1001 });
  });
});

describe('a ledger', () => {
  it('holds more latencies than it has room for at first', () => {
    const ledger = new Ledger();
    const count = 100_000;
    for (let i = count; i > 0; i -= 1) ledger.note(i / 1000);
    const { calls, p50us, p99us } = ledger.report();
    expect({ calls, p50us, p99us }).toEqual({ calls: count, p50us: 50_000, p99us: 99_000 });
  });
});
