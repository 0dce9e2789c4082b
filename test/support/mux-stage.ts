import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from 'rookery/testing';
import { local } from 'rookery/registries';
import type { Registry, ClientFeatureOptions } from 'rookery';
import { servedBy, type Served } from '../apps/served.js';
import { startClient, type ProbeClient } from './probe-client.js';
import { startProbe, stopProbes, type ProbeServer } from './probe-server.js';

export interface MuxServerSettings {
  readonly mux?: boolean;
  readonly port?: number;
  readonly drainMs?: number;
}

/** Servers and clients with mux, over the local registry of one test. */
export class MuxStage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rookery-mux-'));
  readonly #registries: Registry[] = [];
  readonly #clients: ProbeClient[] = [];
  readonly #processes: ChildProcess[] = [];

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()));
    for (const child of this.#processes) child.kill('SIGKILL');
    await stopProbes();
    await Promise.all(this.#registries.map((registry) => registry[Symbol.asyncDispose]()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Resolves when it is registered. */
  async server(name: string, { mux = true, port, drainMs }: MuxServerSettings = {}): Promise<ProbeServer> {
    return startProbe({
      program: 'dist/test/apps/mux-server.js',
      name,
      url: `127.0.0.1:${port ?? (await freePort())}`,
      env: { ...this.#env, MUX_OFF: mux ? '' : '1', DRAIN_MS: drainMs === undefined ? '' : `${drainMs}` },
    });
  }

  /** In this process. */
  async client(feature: Partial<ClientFeatureOptions> = {}): Promise<ProbeClient> {
    const registry = local({ directory: join(this.#folder, 'rookery') });
    this.#registries.push(registry);
    const client = await startClient(registry, { mux: true, ...feature });
    this.#clients.push(client);
    return client;
  }

  /** The compiled `test/apps/mux-client.ts`; resolves when it says something. */
  async clientProcess(mode: 'idle' | 'close' | 'wait', mux = true): Promise<{ child: ChildProcess; said: unknown }> {
    const { VITEST: _v, JEST_WORKER_ID: _j, NODE_ENV: _n, ...inherited } = process.env;
    const env = { ...inherited, ...this.#env, MUX_OFF: mux ? '' : '1' };
    const child = fork('dist/test/apps/mux-client.js', [mode], { env, execArgv: [] });
    this.#processes.push(child);
    const [said] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    return { child, said };
  }

  get #env(): NodeJS.ProcessEnv {
    return { XDG_RUNTIME_DIR: this.#folder, ROOKERY_REGISTRY: 'local:' };
  }
}

/** Stops a server, and says what it has taken. */
export async function stopped(server: ProbeServer): Promise<Served> {
  await server.kill('SIGTERM');
  return servedBy(server.output)!;
}
