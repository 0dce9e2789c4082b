import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { credentials, makeGenericClientConstructor, status, type ClientReadableStream } from '@grpc/grpc-js';
import { type EtcdServer, eventually, freePort, startEtcd } from 'rookery/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIFE } from '../apps/life-contract.js';

/** A drain of 10 s, the default of development, would be the hang that this is about, ms; docs/adr/0007 says why not 2 s. */
const HANGS_MS = 6000;

describe('nest start --watch', () => {
  let project: string;
  let etcd: EtcdServer;

  beforeAll(async () => {
    etcd = await startEtcd();
    project = await mkdtemp(join(tmpdir(), 'rookery-watch-'));
    const json = (name: string, value: object) => writeFile(join(project, name), JSON.stringify(value));
    await mkdir(join(project, 'src'));
    for (const file of ['watched.ts', 'life-contract.ts']) await cp(`test/apps/${file}`, join(project, 'src', file));
    await symlink(resolve('node_modules'), join(project, 'node_modules'));
    await json('package.json', { name: 'watched', type: 'module' });
    await json('nest-cli.json', { sourceRoot: 'src', entryFile: 'watched' });
    await json('tsconfig.json', {
      extends: resolve('tsconfig.base.json'),
      compilerOptions: { outDir: 'dist', rootDir: 'src', noEmit: false, incremental: false, types: ['node'] },
      include: ['src'],
    });
  });
  afterAll(async () => {
    await etcd.stop();
    await rm(project, { recursive: true, force: true });
  });

  it.each(['etcd', 'local'])(
    'restarts on the same port without waiting for a stream that is open: %s',
    async (registry) => {
      const url = `127.0.0.1:${await freePort()}`;
      const { VITEST: _v, JEST_WORKER_ID: _j, NODE_ENV: _n, ...env } = process.env;
      const nest = spawn(process.execPath, [resolve('node_modules/@nestjs/cli/bin/nest.js'), 'start', '--watch'], {
        cwd: project,
        detached: true,
        env: {
          ...env,
          WATCHED_URL: url,
          ROOKERY_REGISTRY: registry === 'etcd' ? `etcd://${etcd.host}` : 'local:',
          XDG_RUNTIME_DIR: project,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const lines: { readonly text: string; readonly at: number }[] = [];
      for (const stream of [nest.stdout, nest.stderr])
        createInterface({ input: stream }).on('line', (text) => lines.push({ text, at: performance.now() }));
      const times = (text: string) => lines.filter((line) => line.text === text).map(({ at }) => at);
      const until = (text: string, n: number) =>
        eventually(() => expect(times(text), lines.map((line) => line.text).join('\n')).toHaveLength(n), {
          timeoutMs: 60_000,
        });
      const client = new (makeGenericClientConstructor(LIFE, 'Life'))(url, credentials.createInsecure());
      try {
        await until('listening', 1);
        const stream = client['Feed']!({}) as ClientReadableStream<object>;
        const ended = new Promise((done) => stream.on('error', () => {}).on('status', ({ code }) => done(code)));
        await once(stream, 'data');
        stream.resume();
        // A call that has just come keeps the old server listening for a while.
        await once(client['Feed']!({}).on('error', () => {}) as ClientReadableStream<object>, 'data');
        await appendFile(join(project, 'src/watched.ts'), '\n// edited\n');
        await until('listening', 2);
        const tookMs = times('listening')[1]! - times('told to stop')[0]!;
        console.log(`nest start --watch: ${registry}: restarted in ${Math.round(tookMs)} ms with an open stream`);
        expect(tookMs).toBeLessThan(HANGS_MS);
        expect(await ended).toBe(status.UNAVAILABLE);
        const again = client['Feed']!({}) as ClientReadableStream<object>;
        await once(
          again.on('error', () => {}),
          'data',
        );
        again.resume();
      } finally {
        client.close();
        // The command tells only its shell; the server is in the same group.
        process.kill(-nest.pid!, 'SIGKILL');
        await once(nest, 'close');
      }
    },
    120_000,
  );
});
