import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from 'rookery/testing';
import { NatsServer } from './nats-server.js';
import { Program } from './program.js';
import type { ServerKind, Subject } from './subjects.js';

/** How many programs start at the same time. */
const AT_ONCE = 4;

/** Of each warm-up; `16B` by as many callers as a busy client has. */
const WARM_UP = { payload: '16B', concurrency: 64 } as const;
/** Of each server, until what runs often is compiled. */
const WARM_CALLS = 1000;
/** How often a client may be given more calls until every server has had so many. */
const TRIES = 15;

/** A subject that can be measured. */
export interface Stand {
  readonly subject: Subject;
  readonly client: Program;
  readonly servers: readonly Program[];
  /** CPU that serving has taken so far, a server of NATS included. */
  serverCpuUs(): Promise<number>;
}

interface Fleet {
  readonly servers: readonly Program[];
  readonly addresses: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly nats?: NatsServer | undefined;
}

export interface StageOptions {
  readonly instances: number;
  readonly warmUpMs: number;
}

/** The programs of some subjects, which run side by side; subjects whose servers are the same share them. */
export class Stage implements AsyncDisposable {
  readonly stands: Stand[] = [];
  readonly #started: AsyncDisposable[] = [];
  readonly #fleets = new Map<ServerKind, Promise<Fleet>>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'rookery-unary-'));

  private constructor(private readonly instances: number) {}

  /**
   * @param warmUpMs for how long each subject calls before it is measured, and again until every server has had many calls:
   *   no real server runs code that is not compiled yet for long
   * @param onFailure is told of each subject that could not be started; the others are there
   */
  static async open(
    subjects: readonly Subject[],
    { instances, warmUpMs }: StageOptions,
    onFailure: (subject: Subject, error: unknown) => void,
  ): Promise<Stage> {
    const stage = new Stage(instances);
    for (const subject of subjects) {
      try {
        const stand = await stage.#startSubject(subject);
        await warmUp(stand, warmUpMs);
        stage.stands.push(stand);
      } catch (error) {
        onFailure(subject, error);
      }
    }
    return stage;
  }

  /** A subject that has failed is measured no more. */
  drop(stand: Stand): void {
    this.stands.splice(this.stands.indexOf(stand), 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Clients before servers.
    for (const one of this.#started.toReversed()) await one[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #startSubject(subject: Subject): Promise<Stand> {
    const { server, name, roundRobin } = subject;
    if (!this.#fleets.has(server)) this.#fleets.set(server, this.#startFleet(server));
    const { servers, addresses, env, nats } = await this.#fleets.get(server)!;
    const ours = { UNARY_ADDRESSES: addresses.join(','), ...(roundRobin && { UNARY_ROUND_ROBIN: '1' }) };
    const client = await this.#start(`the client of ${name}`, `clients/${subject.client}`, { ...env, ...ours });
    return {
      subject,
      client,
      servers,
      async serverCpuUs() {
        const served = await Promise.all(servers.map((one) => one.ask('served')));
        return served.reduce((sum, { cpuUs }) => sum + cpuUs, nats?.cpuUs() ?? 0);
      },
    };
  }

  async #startFleet(kind: ServerKind): Promise<Fleet> {
    const nats = kind.nats && this.#keep(await NatsServer.start());
    const ports: number[] = [];
    while (ports.length < this.instances) ports.push(await freePort());
    const env = {
      UNARY_URLS: ports.map((port) => `127.0.0.1:${port}/server-${port}`).join(','),
      // Entries of its own, which go with the stage.
      XDG_RUNTIME_DIR: this.#folder,
      ROOKERY_REGISTRY: `local:${kind.name}`,
      ...(nats && { UNARY_NATS: nats.url }),
      ...(kind.mux && { UNARY_MUX: '1' }),
    };
    const servers: Program[] = [];
    const left = ports.values();
    const startNext = async (): Promise<void> => {
      for (const port of left) {
        const ours = { ...env, UNARY_PORT: `${port}` };
        servers.push(await this.#start(`a server of ${kind.name}`, `servers/${kind.program}`, ours));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, startNext));
    return { servers, addresses: ports.map((port) => `127.0.0.1:${port}`), env, nats };
  }

  async #start(name: string, path: string, env: NodeJS.ProcessEnv): Promise<Program> {
    return this.#keep(await Program.start(name, path, env));
  }

  #keep<D extends AsyncDisposable>(started: D): D {
    this.#started.push(started);
    return started;
  }
}

/** Throws where a server gets no call: the figures would be those of fewer instances than they claim. */
async function warmUp({ client, servers }: Stand, ms: number): Promise<void> {
  const served = async () => Promise.all(servers.map(async (server) => (await server.ask('served')).calls));
  const before = await served();
  let fewest = 0;
  for (let i = 0; i < TRIES && fewest < WARM_CALLS; i += 1) {
    await client.ask('closed', { ...WARM_UP, ms });
    fewest = Math.min(...(await served()).map((calls, server) => calls - before[server]!));
  }
  if (fewest === 0) throw new Error('its calls do not reach every server');
}
