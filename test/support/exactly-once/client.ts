import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { LedgerReport } from '../../apps/mux-ledger.js';

export interface LedgerClientOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Where it writes what became of its calls. */
  readonly outcomes: string;
}

/** The compiled `test/apps/mux-ledger-client.ts` as a process. */
export class LedgerClient implements AsyncDisposable {
  report: LedgerReport = { made: 0, ended: 0, surprises: [], done: false };
  readonly outcomes: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #output: string[] = [];
  readonly #onExit = () => void this.#process.kill('SIGKILL');

  constructor({ env, outcomes }: LedgerClientOptions) {
    const { VITEST: _v, JEST_WORKER_ID: _j, NODE_ENV: _n, ...inherited } = process.env;
    this.outcomes = outcomes;
    this.#process = fork('dist/test/apps/mux-ledger-client.js', [], {
      env: { ...inherited, NO_COLOR: '1', ...env, LEDGER_FILE: outcomes },
      // The runner's own flags would point the program at the sources.
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#exited = once(this.#process, 'exit');
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.on('data', (text: Buffer) => this.#output.push(text.toString()));
    this.#process.on('message', (report) => (this.report = report as LedgerReport));
    process.on('exit', this.#onExit);
  }

  /** @throws where it has ended by itself */
  check(): void {
    if (this.#process.exitCode === null && this.#process.signalCode === null) return;
    throw new Error(`a client ended by itself:\n${this.#output.join('')}`);
  }

  /** Lets its calls end; resolves when the process has, which nobody tells to. */
  async stop(): Promise<LedgerReport> {
    this.#process.send('stop');
    await this.#exited;
    if (!this.report.done) throw new Error(`a client ended before it was done:\n${this.#output.join('')}`);
    return this.report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit);
    this.#process.kill('SIGKILL');
    await this.#exited;
  }
}
