import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type EtcdServer } from 'rookery/testing';
import { startProbe, stopProbes } from '../support/probe-server.js';

const TIMERS = {
  etcd: [],
  // The file that says it left stays for those who look late; whoever still lives then removes it.
  local: ['registries/local/claim-file.js'],
};

describe('closing leaves nothing behind', () => {
  let etcd: EtcdServer;
  let folder: string;
  beforeAll(async () => {
    etcd = await startEtcd();
    folder = await mkdtemp(join(tmpdir(), 'rookery-left-'));
  });
  afterEach(stopProbes);
  afterAll(async () => {
    await etcd.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const registries = { etcd: () => `etcd://${etcd.host}`, local: () => 'local:' };

  it.each(Object.keys(registries) as (keyof typeof registries)[])(
    'no handle, timer, socket or listener, and the process ends by itself: %s',
    async (name) => {
      const env = { XDG_RUNTIME_DIR: folder };
      const registry = registries[name]();
      await startProbe({ registry, name: 'users', service: 'users', env });
      const { VITEST: _v, JEST_WORKER_ID: _j, NODE_ENV: _n, ...inherited } = process.env;
      const child = fork('dist/test/apps/leftovers.js', [], {
        env: { ...inherited, ...env, ROOKERY_REGISTRY: registry },
        execArgv: [],
      });
      try {
        const exit = once(child, 'exit');
        const said = await Promise.race([once(child, 'message'), exit]);
        expect(said[0]).toEqual({ timers: TIMERS[name], resources: [], listeners: [0, 0, 0] });
        // Where something holds it, this is where the test hangs.
        expect(await exit).toEqual([0, null]);
      } finally {
        child.kill('SIGKILL');
      }
    },
  );
});
