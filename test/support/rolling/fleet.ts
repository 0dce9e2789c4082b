import { freePort } from 'rookery/testing';
import { servedBy, type Served } from '../../apps/served.js';
import { startProbe, type ProbeServer } from '../probe-server.js';
import type { ServerKind } from './report.js';

export interface FleetEvent {
  /** Unix ms. */
  readonly at: number;
  readonly what: 'started' | 'listened' | 'had SIGTERM' | 'was gone';
  readonly name: string;
}

/** Of Rookery, on a registry. */
export function isOurs(kind: ServerKind): boolean {
  return kind.startsWith('rookery');
}

/** Servers that come and go, and when they did. */
export class Fleet {
  readonly events: FleetEvent[] = [];
  /** How many were stopped. */
  restarts = 0;
  /** By those that were. */
  served: Served = { unary: 0, streams: 0, ofHttp2: 0 };
  readonly #servers = new Map<string, ProbeServer>();
  readonly #names = new Map<string, string>();
  #started = 0;

  constructor(
    readonly kind: ServerKind,
    private readonly options: {
      readonly registry?: string | undefined;
      /** Of the servers, on top of what they are. */
      readonly env?: NodeJS.ProcessEnv | undefined;
      /** No server is started after it. */
      readonly signal?: AbortSignal | undefined;
    } = {},
  ) {}

  /** Oldest first. */
  get names(): string[] {
    return [...this.#servers.keys()];
  }

  get addresses(): string[] {
    return [...this.#servers.values()].map(({ port }) => `127.0.0.1:${port}`);
  }

  /** The server of a name, or of the id under which it registered. */
  nameOf(instance: string): string {
    return this.#names.get(instance) ?? instance;
  }

  /** Resolves when it listens. */
  async start(port?: number): Promise<void> {
    const { registry, env, signal } = this.options;
    signal?.throwIfAborted();
    const name = `i${(this.#started += 1)}`;
    this.#note('started', name);
    const server = await startProbe({
      program: 'dist/test/apps/rolling-server.js',
      registry,
      name,
      url: `127.0.0.1:${port ?? (await freePort())}`,
      env: { ROLLING_SERVER: this.kind, ...env },
    });
    this.#note('listened', name);
    this.#servers.set(name, server);
    for (const line of server.output) if (line.startsWith('instance ')) this.#names.set(line.slice(9), name);
  }

  /** Resolves with its port when the process has ended. */
  async stop(name: string): Promise<number> {
    const server = this.#servers.get(name)!;
    this.#servers.delete(name);
    this.restarts += 1;
    this.#note('had SIGTERM', name);
    await server.kill('SIGTERM');
    this.#note('was gone', name);
    this.#count(server.output);
    return server.port;
  }

  /** Stops those that run, which is no restart. */
  async end(): Promise<void> {
    for (const [name, server] of this.#servers) {
      await server.kill('SIGTERM');
      this.#count(server.output);
      this.#servers.delete(name);
    }
  }

  #count(output: readonly string[]): void {
    const told = servedBy(output);
    if (!told) return;
    const { unary, streams, ofHttp2 } = told;
    const before = this.served;
    this.served = {
      unary: before.unary + unary,
      streams: before.streams + streams,
      ofHttp2: before.ofHttp2 + ofHttp2,
    };
  }

  #note(what: FleetEvent['what'], name: string): void {
    this.events.push({ at: Date.now(), what, name });
  }
}
