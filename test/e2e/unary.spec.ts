import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';

const BRIEF = ['--rounds', '2', '--ms', '100', '--warm-up', '100'];

/** `npm run bench -- unary …`, as built. */
async function unary(flags: readonly string[], signal: AbortSignal, env: NodeJS.ProcessEnv = {}) {
  const args = ['dist/bench/main.js', 'unary', '--json', ...BRIEF, ...flags];
  const bench = spawn(process.execPath, args, {
    signal,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, progress, [code]] = await Promise.all([text(bench.stdout), text(bench.stderr), once(bench, 'exit')]);
  const lines = out.split('\n').filter(Boolean);
  return { code: code as number, progress, results: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

const number = expect.any(Number) as number;

describe('npm run bench -- unary', () => {
  it('says of two subjects, one line each, what their calls came to, and none of them fails', async ({ signal }) => {
    const flags = ['--subjects', 'nest,rookery', '--mode', 'closed', '--concurrency', '8', '--payload', 'list100'];
    const { code, results, progress } = await unary([...flags, '--instances', '1'], signal);
    const figures = { rps: number, p50us: number, p99us: number, p999us: number, cpuUs: number, serverCpuUs: number };
    const cell = { mode: 'closed', concurrency: 8, payload: 'list100', instances: 1, rounds: 2, failed: 0 };
    expect(results, progress).toMatchObject([
      { ...cell, ...figures, subject: 'nest', toNest: 1, cpuToNest: 1, toRoundRobin: null },
      { ...cell, ...figures, subject: 'rookery', toNest: number, cpuToNest: number, toRoundRobin: null },
    ]);
    expect(code).toBe(0);
  }, 60_000);

  it('measures calls that come at their instants, and what held calls take', async ({ signal }) => {
    const flags = ['--subjects', 'rookery', '--mode', 'open,memory', '--offered', '100', '--in-flight', '50'];
    const { code, results, progress } = await unary(flags, signal);
    expect(results, progress).toMatchObject([
      {
        mode: 'open',
        subject: 'rookery',
        offered: 100,
        keptUp: expect.any(Boolean) as boolean,
        p99us: number,
        failed: 0,
      },
      { mode: 'memory', subject: 'rookery', inFlight: 50, mbPer1000InFlight: number, failed: 0 },
    ]);
    expect(code).toBe(0);
  }, 60_000);

  it('goes on without a subject that cannot start, says why, and fails in the end', async ({ signal }) => {
    const flags = ['--subjects', 'nest,moleculer-nats', '--mode', 'closed', '--concurrency', '1', '--payload', '16B'];
    const env = { NATS_SERVER_BIN: '/nowhere/nats-server' };
    const { code, results, progress } = await unary([...flags, '--instances', '1'], signal, env);
    expect(results.map(({ subject }) => subject)).toEqual(['nest']);
    expect(progress).toMatch(/moleculer-nats cannot be measured: \/nowhere\/nats-server: .*ENOENT/);
    expect(code).toBe(1);
  }, 60_000);
});
