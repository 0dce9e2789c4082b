import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, startEtcd } from 'rookery/testing';

/** What `npm start` runs once it has built, with the registry that it is given. */
async function startDemo(env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; output: () => string }> {
  const { VITEST: _v, NODE_ENV: _n, ROOKERY_REGISTRY: _r, ...inherited } = process.env;
  const child = spawn(process.execPath, ['dist/src/main.js'], { env: { ...inherited, ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  return { child, output: () => output };
}

describe('npm start', () => {
  const cleanUp: (() => unknown)[] = [];
  afterEach(async () => {
    for (const step of cleanUp.splice(0).toReversed()) await step();
  });

  for (const name of ['the embedded registry', 'etcd']) {
    it(`shows a fleet with its shares of the calls on ${name}, and stops it without a failed call`, async () => {
      const env: NodeJS.ProcessEnv = {};
      if (name === 'etcd') {
        const etcd = await startEtcd();
        cleanUp.push(() => etcd.stop());
        env['ROOKERY_REGISTRY'] = `etcd://${etcd.host}`;
      } else {
        env['XDG_RUNTIME_DIR'] = await mkdtemp(join(tmpdir(), 'rookery-start-'));
        cleanUp.push(() => rm(env['XDG_RUNTIME_DIR']!, { recursive: true, force: true }));
      }
      const { child, output } = await startDemo(env);
      cleanUp.push(() => child.kill('SIGKILL'));
      await eventually(
        () => {
          const table = output().split('\n\n').at(-2) ?? '';
          expect(table).toMatch(/^Rookery: 5 instances in (local:demo|etcd:).*, 0 failed calls$/m);
          const rows = ['users-1', 'users-2', 'users-canary', 'orders-1', 'orders-2'];
          expect([...table.matchAll(/^\S+-server +(\S+)/gm)].map(([, row]) => row)).toEqual(rows);
          expect(table).toMatch(/users-1 .*- +100 +[1-9]\d* +30 %/);
          expect(table).toMatch(/users-2 .*- +200 +[1-9]\d* +60 %/);
          expect(table).toMatch(/users-canary .*canary +100 +[1-9]\d* +10 %/);
          expect(table).toMatch(/orders-1 .*- +100 +[1-9]\d* +25 %/);
          expect(table).toMatch(/orders-2 .*- +300 +[1-9]\d* +75 %/);
        },
        { timeoutMs: 25_000 },
      );
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
      expect(output()).not.toMatch(/[1-9]\d* failed calls/);
    });
  }
});
