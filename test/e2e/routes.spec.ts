import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { explanationText, getServiceToken, Rookery, RookeryModule, type AsyncClient, type GroupRoute } from 'rookery';
import { etcd } from 'rookery/etcd';
import type { Registry } from 'rookery/core';
import { local, memory, staticRegistry } from 'rookery/registries';
import { eventually } from 'rookery/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { probe, type Probe } from '../apps/contracts.js';
import { etcdStage } from '../support/etcd-stage.js';
import { NestStage } from '../support/nest-stage.js';
import type { ProbeClient } from '../support/probe-client.js';

const split = (stable: number, canary: number): GroupRoute => ({ type: 'split', shares: { stable, canary } });

/** Calls without end, some at a time, until it is stopped. */
class Callers {
  readonly answers: { readonly name: string; readonly connections: number }[] = [];
  readonly failures: unknown[] = [];
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(client: ProbeClient['probe'], count: number) {
    this.#running = Promise.all(Array.from({ length: count }, () => this.#call(client)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** What part of the answers from one on came from a server. */
  share(name: string, from: number): number {
    const answers = this.answers.slice(from);
    return answers.filter((answer) => answer.name === name).length / answers.length;
  }

  async #call(client: ProbeClient['probe']): Promise<void> {
    while (!this.#stopped) {
      await client.ask({}).then(
        ({ name, connections }) => this.answers.push({ name, connections }),
        (error: unknown) => this.failures.push(error),
      );
    }
  }
}

describe('a route in a real etcd', () => {
  const stage = etcdStage();

  it('moves half of the running calls to a canary, without a failure and without a new connection', async () => {
    await Promise.all(['stable', 'canary'].map((group) => stage.startProbe({ name: group, group })));
    const operator: Registry = etcd({ hosts: stage.etcd.host });
    await operator.steer!.setRoute('probe', split(100, 0));
    const client = await stage.startClient();
    await client.sees(['stable', 'canary'], { group: '*' });
    const callers = new Callers(client.probe, 16);
    try {
      await eventually(() => expect(callers.answers.length).toBeGreaterThan(1000));
      expect(callers.share('canary', 0)).toBe(0);
      await operator.steer!.setRoute('probe', split(50, 50));
      // Of the last two hundred, so that whoever was asked before it came counts no more.
      await eventually(() => expect(callers.share('canary', callers.answers.length - 200)).toBeGreaterThan(0.3));
      const from = callers.answers.length;
      await eventually(() => expect(callers.answers.length - from).toBeGreaterThan(2000), { timeoutMs: 20_000 });
      expect(Math.abs(callers.share('canary', from) - 0.5)).toBeLessThan(0.03);
    } finally {
      await callers.stop();
      await operator[Symbol.asyncDispose]();
    }
    expect(callers.failures).toEqual([]);
    // One of the client: what each server has accepted in all its life.
    expect(new Set(callers.answers.map(({ connections }) => connections))).toEqual(new Set([1]));
  }, 60_000);
});

describe('Rookery.setRoute', () => {
  const stages: NestStage[] = [];
  afterEach(async () => {
    for (const stage of stages.splice(0)) await stage.close();
  });

  const on = (registry: Registry) => {
    const stage = new NestStage(registry);
    stages.push(stage);
    return stage;
  };

  async function steered(registry: Registry): Promise<void> {
    const stage = on(registry);
    for (const group of ['stable', 'canary']) {
      const options = { service: probe('probe'), instance: { group } };
      await stage.listening(options, stage.module({ name: group }));
    }
    const app = await stage.client(RookeryModule.forFeature([probe('probe')]));
    const client: AsyncClient<Probe> = app.get(getServiceToken('probe', 'Probe'));
    const rookery = app.get(Rookery);
    const who = async (n: number) => {
      const names: Record<string, number> = {};
      for (let i = 0; i < n; i += 1) {
        const { name } = await client.ask({});
        names[name] = (names[name] ?? 0) + 1;
      }
      return names;
    };
    await rookery.setRoute(probe('probe'), split(1, 0));
    await eventually(async () => expect(await who(4)).toEqual({ stable: 4 }));
    await rookery.setRoute('probe', split(3, 1));
    await eventually(async () => expect(await who(8)).toEqual({ stable: 6, canary: 2 }));
    expect(await who(400)).toEqual({ stable: 300, canary: 100 });
    const explanation = rookery.explain(probe('probe'), { hashKey: 'somebody' });
    expect(explanation).toMatchObject({
      view: 'known',
      route: split(3, 1),
      channels: [{ outcome: { result: 'pick' } }],
    });
    expect(explanation.instances.filter(({ pickable }) => pickable)).toHaveLength(1);
    expect(explanationText(explanation)).toContain("split group 'stable' 3, group 'canary' 1");
    await rookery.setRoute('probe', undefined);
    await eventually(() => expect(rookery.explain('probe').route).toBeNull());
    await expect(client.ask({})).rejects.toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
  }

  it('steers clients over memory:', () => steered(memory()));

  it('steers clients over local:', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'rookery-'));
    await steered(local({ directory, pollMs: 50 }));
    for (const stage of stages.splice(0)) await stage.close();
    await rm(directory, { recursive: true, maxRetries: 20 });
  });

  it('says what is wrong with a route, and which registries take none', async () => {
    const rookery = (await on(memory()).client()).get(Rookery);
    await expect(rookery.setRoute('probe', split(1, -1))).rejects.toMatchObject({
      code: 'ROOKERY_OPTION_INVALID',
      path: 'route.shares.canary',
    });
    await expect(rookery.setRoute(undefined as never, { type: 'any' })).rejects.toMatchObject({
      code: 'ROOKERY_NAME_INVALID',
    });
    expect(() => rookery.explain('a/b')).toThrow('ROOKERY_NAME_INVALID at service');
    const fixed = staticRegistry([{ service: 'probe', address: '127.0.0.1:1' }]);
    const reader = (await on(fixed).client()).get(Rookery);
    await expect(reader.setRoute('probe', { type: 'any' })).rejects.toMatchObject({
      code: 'ROOKERY_REGISTRY_READONLY',
      message: expect.stringContaining('takes no routes'),
    });
  });
});
