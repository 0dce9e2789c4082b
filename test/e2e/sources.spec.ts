import type { Registry } from 'rookery/core';
import { composite, registryFromUrl, staticRegistry } from 'rookery/registries';
import { eventually } from 'rookery/testing';
import { describe, expect, it } from 'vitest';
import { etcdStage } from '../support/etcd-stage.js';
import { startClient, type ProbeClient } from '../support/probe-client.js';
import { startProbe, type ProbeServer } from '../support/probe-server.js';

/** Calls one after the other until it is stopped; who answered, and what failed. */
class Caller {
  readonly answers: string[] = [];
  readonly failures: unknown[] = [];
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(probe: ProbeClient['probe']) {
    this.#running = this.#run(probe);
  }

  /** Every one of them has answered from now on. */
  async hears(...names: string[]): Promise<void> {
    const from = this.answers.length;
    await eventually(() => expect(new Set(this.answers.slice(from))).toEqual(new Set(names)), { timeoutMs: 30_000 });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(probe: ProbeClient['probe']): Promise<void> {
    while (!this.#stopped) {
      await probe.ask({}).then(
        ({ name }) => this.answers.push(name),
        (error: unknown) => this.failures.push(error),
      );
    }
  }
}

const listed = ({ port }: ProbeServer) => ({ service: 'probe', address: `127.0.0.1:${port}` });

/** A server that no registry knows. */
const unregistered = (name: string) => startProbe({ registry: 'memory:', name, env: { ROOKERY_REGISTER: 'never' } });

describe('composite([etcd, static])', { timeout: 90_000 }, () => {
  const stage = etcdStage();
  const both = (...servers: ProbeServer[]): Registry =>
    composite([registryFromUrl(stage.registry), staticRegistry(servers.map(listed))]);

  it('fails no call while etcd is killed, and follows it when it is back', async () => {
    const [one, two, fixed] = await Promise.all([
      stage.startProbe({ name: 'one' }),
      stage.startProbe({ name: 'two' }),
      unregistered('fixed'),
    ]);
    const warnings: string[] = [];
    // One of the list is in etcd, too: it is one instance.
    await using client = await startClient(both(fixed, one), {}, (line) => warnings.push(line));
    const caller = new Caller(client.probe);
    await caller.hears('one', 'two', 'fixed');
    await stage.etcd.crash();
    await eventually(() =>
      expect(warnings.join('\n')).toMatch(/probe: etcd:\S+ cannot be read .*what it said last counts/),
    );
    await caller.hears('one', 'two', 'fixed');
    await two.kill('SIGTERM');
    await caller.hears('one', 'fixed');
    await stage.etcd.restart();
    await stage.startProbe({ name: 'three' });
    await caller.hears('one', 'three', 'fixed');
    await caller.stop();
    expect(caller.failures).toEqual([]);
    expect(await client.tally(90)).toEqual({ one: 30, three: 30, fixed: 30 });
  });

  it('serves a client that starts while etcd is dead', async () => {
    const fixed = await unregistered('fixed');
    await stage.etcd.crash();
    await using client = await startClient(both(fixed));
    expect(await client.tally(10)).toEqual({ fixed: 10 });
    await stage.etcd.restart();
    await stage.startProbe({ name: 'one' });
    await client.sees(['fixed', 'one']);
  });
});
