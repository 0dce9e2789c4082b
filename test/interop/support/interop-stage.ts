import { startEtcd, type EtcdServer } from 'rookery/testing';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { stopProbes, type ProbeServer } from '../../support/probe-server.js';
import { startGoClient, startGoServer, type GoClient, type GoServer } from './go-peer.js';
import { stopGoPrograms } from './go-program.js';
import { startNestClient, startNestServer, type NestClient } from './nest-peer.js';
import type { Peer } from './peers.js';

interface Share {
  readonly weight?: number;
  readonly group?: string;
}

/** A service that Nest serves and Go calls, or the other way; each test has one of its own. */
export interface Service {
  readonly name: string;
  nestServer(name: string, share?: Share): Promise<ProbeServer>;
  nestClient(): Promise<NestClient>;
  goServer(name: string, share?: Share): Promise<GoServer>;
  goClient(): Promise<GoClient>;
}

/** A real etcd for a suite, and programs of one framework and of ours on it, which end with the tests of `each`. */
export class InteropStage {
  readonly #clients: NestClient[] = [];
  #etcd: EtcdServer | undefined;
  #services = 0;

  /** Call inside `describe`; `all` keeps programs until the end of the suite, for tests that run at once. */
  constructor(until: 'each' | 'all' = 'each') {
    beforeAll(async () => {
      this.#etcd = await startEtcd();
    });
    if (until === 'each') afterEach(() => this.#end());
    afterAll(async () => {
      await this.#end();
      await this.#etcd?.stop();
    });
  }

  get etcd(): EtcdServer {
    if (!this.#etcd) throw new Error('etcd runs only while specs run');
    return this.#etcd;
  }

  /** What stands in etcd of a service, in whatever format. */
  async keys({ name }: Service): Promise<string[]> {
    const text = await this.etcd.etcdctl('get', '--prefix', '', '--keys-only');
    return text.split('\n').filter((key) => `/${key}`.includes(`/${name}/`));
  }

  service(peer: Peer): Service {
    const name = `s${(this.#services += 1)}`;
    const nest = { service: name, etcd: { hosts: this.etcd.host, ...peer.etcd } };
    const go = { service: name, etcd: this.etcd.host, program: peer.program, target: peer.target?.(name) };
    return {
      name,
      nestServer: (server, share) => startNestServer({ ...nest, name: server, ...share }),
      goServer: (server, share) => startGoServer({ ...go, name: server, ...share }),
      goClient: () => startGoClient(go),
      nestClient: async () => {
        const client = await startNestClient(nest);
        this.#clients.push(client);
        return client;
      },
    };
  }

  async #end(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client[Symbol.asyncDispose]()));
    await Promise.all([stopGoPrograms(), stopProbes()]);
  }
}
