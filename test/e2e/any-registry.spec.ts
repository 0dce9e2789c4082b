import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import { rookeryGrpc, RookeryModule } from 'rookery';
import { memory } from 'rookery/registries';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type EtcdServer, eventually, startEtcd, startZooKeeper, type ZooKeeperServer } from 'rookery/testing';
import { probe } from '../apps/contracts.js';
import { ProbeController } from '../apps/probe.controller.js';
import { startClient } from '../support/probe-client.js';
import { startProbe, stopProbes } from '../support/probe-server.js';

describe('the same code on any registry', () => {
  let etcd: EtcdServer;
  let zookeeper: ZooKeeperServer;
  let folder: string;
  const runtimeDir = process.env['XDG_RUNTIME_DIR'];

  beforeAll(async () => {
    [etcd, zookeeper] = await Promise.all([startEtcd(), startZooKeeper()]);
    folder = await mkdtemp(join(tmpdir(), 'rookery-local-'));
    process.env['XDG_RUNTIME_DIR'] = folder;
  });
  afterEach(stopProbes);
  afterAll(async () => {
    if (runtimeDir === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = runtimeDir;
    await rm(folder, { recursive: true, force: true });
    await Promise.all([etcd.stop(), zookeeper.stop()]);
  });

  const urls = {
    'local:': () => 'local:',
    'etcd:': () => `etcd://${etcd.host}`,
    'zookeeper:': () => `zookeeper://${zookeeper.host}`,
  };
  for (const [name, url] of Object.entries(urls)) {
    it(`${name} processes find each other, follow a leave, and forget one that was killed`, async () => {
      const env = { ROOKERY_TTL_MS: '2000' };
      const [a, b] = await Promise.all(
        ['a', 'b', 'c'].map((server) => startProbe({ registry: url(), name: server, env })),
      );
      await using client = await startClient(url());
      await client.sees(['a', 'b', 'c']);
      await a!.kill('SIGTERM');
      expect(await client.tally(100)).toEqual({ b: 50, c: 50 });
      await b!.kill('SIGKILL');
      expect((await client.tally(100))['c']).toBeGreaterThanOrEqual(99);
      await using late = await startClient(url());
      await eventually(async () => expect(await late.tally(10)).toEqual({ c: 10 }));
    });
  }

  it('memory: an application finds another one of its process', async () => {
    const registry = memory();
    @Module({ imports: [RookeryModule.forRoot({ registry })], controllers: [ProbeController] })
    class ServerModule {}
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(ServerModule, {
      ...rookeryGrpc({ service: probe('probe') }),
      logger: false,
    });
    await app.listen();
    await using client = await startClient(registry);
    expect(await client.probe.ask({})).toMatchObject({ pid: process.pid });
    await app.close();
    await expect(client.probe.ask({})).rejects.toMatchObject({ reason: 'ROOKERY_INSTANCE_NONE' });
  });

  it('file: a client follows a list that somebody else writes', async () => {
    const servers = await Promise.all(
      ['a', 'b', 'c'].map((name) => startProbe({ registry: 'memory:', name, env: { ROOKERY_REGISTER: 'never' } })),
    );
    const list = join(folder, 'services.json');
    const write = async (...listed: typeof servers) => {
      await writeFile(`${list}.new`, JSON.stringify({ probe: listed.map(({ port }) => `127.0.0.1:${port}`) }));
      await rename(`${list}.new`, list);
    };
    await using client = await startClient(`file:${list}`);
    await write(servers[0]!, servers[1]!);
    await client.sees(['a', 'b']);
    await write(servers[1]!, servers[2]!);
    await client.sees(['b', 'c']);
    await writeFile(list, '[{"service":');
    expect(await client.tally(100)).toEqual({ b: 50, c: 50 });
  });
});
