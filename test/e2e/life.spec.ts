import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type EtcdServer } from 'rookery/testing';
import { LifeServer } from '../support/life-stage.js';

const INIT = ['onModuleInit', 'onApplicationBootstrap'];
/** How each mode of Nest starts; only the documented order of a hybrid application listens before it has started. */
const STARTS: Readonly<Record<string, readonly string[]>> = {
  micro: [...INIT, 'listening'],
  hybrid: ['listening', ...INIT],
  'init-first': [...INIT, 'listening'],
  defer: [...INIT, 'listening'],
};
/** The same in every mode, however it is asked to end, on every registry. */
const LIFE = [
  'registered',
  'call begun',
  'NOT_SERVING',
  'deregistered',
  'call ended',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
];

const ENDS = ['close()', 'SIGTERM', 'SIGINT'] as const;

describe('the life of a server', () => {
  let etcd: EtcdServer;
  let folder: string;
  beforeAll(async () => {
    etcd = await startEtcd();
    folder = await mkdtemp(join(tmpdir(), 'rookery-life-'));
  });
  afterAll(async () => {
    await etcd.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const registries = { etcd: () => `etcd://${etcd.host}`, local: () => 'local:' };
  const rows = Object.keys(registries).flatMap((registry) =>
    Object.keys(STARTS).flatMap((mode) => ENDS.map((end) => [mode, end, registry as keyof typeof registries] as const)),
  );

  it.each(rows)('has one order: %s, ended by %s, on %s', async (mode, end, registry) => {
    await using server = await LifeServer.start({
      LIFE_MODE: mode,
      ROOKERY_REGISTRY: registries[registry](),
      XDG_RUNTIME_DIR: folder,
    });
    const { answer } = await server.begin('Linger');
    if (end === 'close()') server.close();
    else server.signal(end);
    expect(await server.ended()).toBe(end === 'close()' ? 0 : end);
    expect(await answer).toBe(status.OK);
    expect(server.tape).toEqual([...STARTS[mode]!, ...LIFE, ...(end === 'close()' ? ['closed'] : [])]);
  });
});
