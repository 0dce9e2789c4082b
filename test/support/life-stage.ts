import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import {
  credentials,
  makeGenericClientConstructor,
  status,
  type Client,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { eventually } from 'rookery/testing';
import { expect } from 'vitest';
import { LIFE } from '../apps/life-contract.js';

type Stream = ClientDuplexStream<object, object>;

type LifeClient = Client & {
  Linger(request: object, answered: (error: ServiceError | null) => void): void;
  Hang(request: object, answered: (error: ServiceError | null) => void): void;
  Fail(request: object, answered: (error: ServiceError | null) => void): void;
  Feed(request: object): Stream;
  Chat(): Stream;
};

const LifeClient = makeGenericClientConstructor(LIFE, 'Life') as unknown as new (
  ...args: ConstructorParameters<typeof Client>
) => LifeClient;

/** The hooks that Nest runs twice with `deferInitialization`. */
const TWICE_DEFERRED = ['onModuleInit', 'onApplicationBootstrap'];

/** A process of `test/apps/life-server.ts`, and a plain client of it. */
export class LifeServer implements AsyncDisposable {
  readonly lines: string[] = [];
  address = '';
  readonly #ended: Promise<unknown>;
  #client: LifeClient | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly mode: string | undefined,
  ) {
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    this.#ended = once(child, 'close');
  }

  /** Resolves when it is registered. */
  static async start(env: NodeJS.ProcessEnv): Promise<LifeServer> {
    const { VITEST: _v, JEST_WORKER_ID: _j, NODE_ENV: _n, ...inherited } = process.env;
    const child = fork('dist/test/apps/life-server.js', [], {
      env: { ...inherited, NO_COLOR: '1', ...env },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const server = new LifeServer(child, env['LIFE_MODE']);
    await eventually(
      () => {
        if (child.exitCode !== null) throw new Error(`it ended:\n${server.lines.join('\n')}`);
        server.address = /^address: (.+)$/m.exec(server.lines.join('\n'))?.[1] ?? '';
        expect(server.address).not.toBe('');
      },
      { timeoutMs: 20_000 },
    );
    return server;
  }

  /** What happened in it, in order, and as often; without what Nest itself runs twice. */
  get tape(): string[] {
    const events = this.lines.filter((line) => line.startsWith('tape: ')).map((line) => line.slice('tape: '.length));
    if (this.mode !== 'defer') return events;
    return events.filter((event, i) => !TWICE_DEFERRED.includes(event) || events.indexOf(event) === i);
  }

  get client(): LifeClient {
    return (this.#client ??= new LifeClient(this.address, credentials.createInsecure()));
  }

  async until(event: string): Promise<void> {
    await eventually(() => expect(this.tape).toContain(event), { timeoutMs: 20_000 });
  }

  /** Resolves when a call has begun; `answer` is the code of its status. */
  async begin(method: 'Linger' | 'Hang' | 'Fail'): Promise<{ readonly answer: Promise<status> }> {
    const answer = new Promise<status>((resolve) =>
      this.client[method]({}, (error) => resolve(error ? error.code : status.OK)),
    );
    await this.until('call begun');
    return { answer };
  }

  /** Resolves when a stream has had its first message; `end` is the code of its status. */
  async stream(method: 'Feed' | 'Chat'): Promise<{ readonly end: Promise<status> }> {
    const stream = method === 'Chat' ? this.client.Chat() : this.client.Feed({});
    const end = new Promise<status>((resolve) => {
      stream.on('error', () => {});
      stream.on('status', ({ code }: { code: status }) => resolve(code));
    });
    if (method === 'Chat') stream.write({});
    await once(
      stream.on('data', () => {}),
      'data',
    );
    return { end };
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Asks it to close by itself. */
  close(): void {
    this.child.send('close');
  }

  /** How the process ended: its code, or the signal. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    await this.#ended;
    return this.child.exitCode ?? this.child.signalCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close();
    this.child.kill('SIGCONT');
    this.child.kill('SIGKILL');
    await this.#ended;
  }
}
