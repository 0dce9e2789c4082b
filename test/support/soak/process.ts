import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { SoakRequest } from '../../apps/soak.js';

/** A compiled program of `test/apps` that answers each request on IPC. */
export class SoakProcess implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #output: string[] = [];
  readonly #onExit = () => void this.#process.kill('SIGKILL');

  private constructor(program: string, env: NodeJS.ProcessEnv) {
    const { VITEST: _v, JEST_WORKER_ID: _j, NODE_ENV: _n, ...inherited } = process.env;
    this.#process = fork(`dist/test/apps/${program}.js`, [], {
      env: { ...inherited, NO_COLOR: '1', ...env },
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#exited = once(this.#process, 'exit');
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.on('data', (text: Buffer) => this.#output.push(text.toString()));
    process.on('exit', this.#onExit);
  }

  /** Resolves when it is ready. */
  static async start(program: string, env: NodeJS.ProcessEnv): Promise<SoakProcess> {
    const started = new SoakProcess(program, env);
    await started.#answer();
    return started;
  }

  ask<T>(request: SoakRequest): Promise<T> {
    const answer = this.#answer();
    this.#process.send(request);
    return answer as Promise<T>;
  }

  async #answer(): Promise<unknown> {
    const ended = this.#exited.then(() => {
      throw new Error(`it ended by itself:\n${this.#output.join('')}`);
    });
    return ((await Promise.race([once(this.#process, 'message'), ended])) as unknown[])[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit);
    this.#process.kill('SIGKILL');
    await this.#exited;
  }
}
