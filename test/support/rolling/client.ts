import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { ClientKind, ClientReport } from './report.js';

export interface ClientOptions {
  readonly registry?: string | undefined;
  /** The addresses for a client that cannot find them. */
  readonly target: string;
  readonly seed: number;
  readonly longStreams?: boolean | undefined;
}

/** The compiled `test/apps/rolling-client.ts` as a process: what the runner does cannot slow its calls down. */
export class RollingClient implements AsyncDisposable {
  report: ClientReport | undefined;
  readonly #process: ChildProcess;
  readonly #output: string[] = [];
  readonly #onExit = () => void this.#process.kill('SIGKILL');
  #onReport: () => void = () => {};

  constructor(
    readonly kind: ClientKind,
    { registry, target, seed, longStreams }: ClientOptions,
  ) {
    const { VITEST: _v, NODE_ENV: _n, ...inherited } = process.env;
    const ours = {
      ROLLING_CLIENT: kind,
      ROLLING_TARGET: target,
      ROLLING_SEED: `${seed}`,
      ROLLING_LONG: longStreams ? '1' : '',
    };
    this.#process = fork('dist/test/apps/rolling-client.js', [], {
      env: { ...inherited, NO_COLOR: '1', ...(registry && { ROOKERY_REGISTRY: registry }), ...ours },
      // The runner's own flags would point the program at the sources.
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.on('data', (text: Buffer) => this.#output.push(text.toString()));
    this.#process.on('message', (report) => {
      this.report = report as ClientReport;
      this.#onReport();
    });
    this.#process.once('exit', () => this.#onReport());
    process.on('exit', this.#onExit);
  }

  get calls(): number {
    return this.report?.calls ?? 0;
  }

  /** Resolves when each of them has answered a call. */
  sees(names: readonly string[]): Promise<ClientReport> {
    return this.#reported(({ answered }) => names.every((name) => Object.hasOwn(answered, name)));
  }

  /** Lets the running calls end; resolves with the last report. */
  stop(): Promise<ClientReport> {
    this.#process.send('stop');
    return this.#reported(({ done }) => done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit);
    if (this.#ended) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  get #ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  async #reported(isEnough: (report: ClientReport) => boolean): Promise<ClientReport> {
    for (;;) {
      if (this.report && isEnough(this.report)) return this.report;
      if (this.#ended) throw new Error(`the client ${this.kind} ended by itself:\n${this.#output.join('')}`);
      await new Promise<void>((resolve) => (this.#onReport = resolve));
    }
  }
}
