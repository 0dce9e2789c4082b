import { afterAll, afterEach, beforeAll } from 'vitest';
import { startEtcd, type EtcdServer } from 'rookery/testing';
import { startClient, type ProbeClient } from './probe-client.js';
import { startProbe, stopProbes, type ProbeOptions, type ProbeServer } from './probe-server.js';

/** A real etcd for a suite, and servers and clients on it that end with each test. */
export interface EtcdStage {
  readonly etcd: EtcdServer;
  readonly registry: string;
  startProbe(options: Omit<ProbeOptions, 'registry'>): Promise<ProbeServer>;
  startClient(
    ...options: Parameters<typeof startClient> extends [unknown, ...infer Rest] ? Rest : never
  ): Promise<ProbeClient>;
  /** All keys of ours. */
  keys(): Promise<string[]>;
}

/** Call inside `describe`. */
export function etcdStage(): EtcdStage {
  let etcd: EtcdServer;
  const clients: ProbeClient[] = [];
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client[Symbol.asyncDispose]()));
    await stopProbes();
    // The keys of servers that were killed live on for their lease.
    await etcd.etcdctl('del', '--prefix', 'rookery/');
  });
  afterAll(() => etcd.stop());
  const registry = () => `etcd://${etcd.host}`;
  return {
    get etcd() {
      return etcd;
    },
    get registry() {
      return registry();
    },
    startProbe: (options) => startProbe({ registry: registry(), ...options }),
    async startClient(...options) {
      const client = await startClient(registry(), ...options);
      clients.push(client);
      return client;
    },
    async keys() {
      const text = await etcd.etcdctl('get', '--prefix', 'rookery/', '--keys-only');
      return text.split('\n').filter(Boolean);
    },
  };
}
