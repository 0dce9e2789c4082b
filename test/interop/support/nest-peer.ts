import { setImmediate as nextTurn } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getServiceToken, RookeryModule, type AsyncClient, type CallOptions } from 'rookery';
import { etcd, type EtcdOptions } from 'rookery/etcd';
import { interop, type Interop } from '../../apps/interop-contract.js';
import { startProbe, type ProbeServer } from '../../support/probe-server.js';
import { Counter, type Report } from './report.js';

export interface NestOptions {
  readonly etcd: EtcdOptions;
  readonly service: string;
}

/** A Nest server as a process; resolves when it is registered. */
export function startNestServer(
  options: NestOptions & { readonly name: string; readonly weight?: number; readonly group?: string },
): Promise<ProbeServer> {
  const { etcd: etcdOptions, ...rest } = options;
  const env = { INTEROP_ETCD: JSON.stringify({ ttlMs: 2000, ...etcdOptions }) };
  return startProbe({ ...rest, program: 'dist/test/apps/interop-server.js', env });
}

/** An application of this process with an injected client. */
export interface NestClient extends AsyncDisposable {
  readonly interop: AsyncClient<Interop>;
  ask(options?: { readonly n?: number; readonly ms?: number }, call?: CallOptions): Promise<Report>;
  follow(
    options: { readonly n?: number; readonly ms?: number; readonly count: number },
    call?: CallOptions,
  ): Promise<Report>;
  /** Calls from several workers until `unload`, which reports; the server takes 2 ms, which leave the machine to others. */
  load(): Promise<void>;
  unload(): Promise<Report>;
}

const WORKERS = 8;

export async function startNestClient(options: NestOptions): Promise<NestClient> {
  const service = interop(options.service);
  @Module({
    imports: [RookeryModule.forRoot({ registry: etcd(options.etcd) }), RookeryModule.forFeature([service])],
  })
  class ClientModule {}
  const app = await NestFactory.createApplicationContext(ClientModule, { logger: false, abortOnError: false });
  const client: AsyncClient<Interop> = app.get(getServiceToken(service, 'Interop'));
  let load = new Load(client);
  return {
    interop: client,
    ask: ({ n, ms = 0 } = {}, call) => repeat(n, async () => [(await client.ask({ delayMs: ms }, call)).name]),
    follow: ({ n, count, ms = 0 }, call) =>
      repeat(n, async () => {
        const names = [];
        for await (const { name } of client.follow({ count, delayMs: ms }, call)) names.push(name);
        return names;
      }),
    async load() {
      load = new Load(client);
      load.start();
    },
    unload: () => load.end(),
    async [Symbol.asyncDispose]() {
      await load.end();
      await app.close();
    },
  };
}

async function repeat(n: number | undefined, call: () => Promise<string[]>): Promise<Report> {
  const counter = new Counter();
  for (let i = 0; i < (n ?? 1); i += 1) await counter.count(call);
  return counter.report;
}

class Load {
  readonly #counter = new Counter();
  #workers: Promise<void>[] = [];
  #ended = false;

  constructor(private readonly client: AsyncClient<Interop>) {}

  start(): void {
    this.#workers = Array.from({ length: WORKERS }, () => this.#work());
  }

  async end(): Promise<Report> {
    this.#ended = true;
    await Promise.all(this.#workers);
    return this.#counter.report;
  }

  async #work(): Promise<void> {
    while (!this.#ended) {
      await this.#counter.count(async () => [(await this.client.ask({ delayMs: 2 })).name]);
      // Calls that fail at once would leave the event loop no turn.
      await nextTurn();
    }
  }
}
