import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Answered, Asked, Question, Questions } from './questions.js';

/** Longer than any run, ms: only a program that hangs needs it. */
const ANSWER_MS = 180_000;
/** Until it is ready, ms. */
const START_MS = 60_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A server or a client in a process of its own, which answers questions. */
export class Program implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #output: string[] = [];
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<unknown>;
  #asked = 0;

  /** Resolves when it is ready; rejects with what it has printed where it ends before. */
  static async start(name: string, path: string, env: NodeJS.ProcessEnv): Promise<Program> {
    const program = new Program(name, path, env);
    try {
      await program.#wait(0, START_MS);
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
    return program;
  }

  private constructor(
    readonly name: string,
    path: string,
    env: NodeJS.ProcessEnv,
  ) {
    const { VITEST: _v, JEST_WORKER_ID: _j, NODE_ENV: _n, ...inherited } = process.env;
    this.#process = fork(`dist/bench/unary/${path}.js`, [], {
      env: { ...inherited, NO_COLOR: '1', ...env },
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    running.add(this.#process);
    for (const stream of [this.#process.stdout!, this.#process.stderr!])
      stream.on('data', (text: Buffer) => this.#output.push(text.toString()));
    this.#exited = once(this.#process, 'exit').then(() => {
      running.delete(this.#process);
      this.#fail('ended by itself');
    });
    // The first message, which answers nothing, says that it is ready.
    this.#process.on('message', (message) => this.#onAnswer(message as Answered));
  }

  async ask<Q extends Question>(
    question: Q,
    ...[argument]: Questions[Q][0] extends undefined ? [] : [Questions[Q][0]]
  ): Promise<Questions[Q][1]> {
    this.#asked += 1;
    const asked: Asked = { id: this.#asked, question, argument };
    const answer = this.#wait(this.#asked, ANSWER_MS);
    if (this.#process.connected) this.#process.send(asked, () => {});
    else this.#fail('has ended');
    return (await answer) as Questions[Q][1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing in it is worth the time of an orderly end.
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.#exited;
  }

  #onAnswer({ id = 0, answer, error }: Answered): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(`${this.name}: ${error}`));
  }

  #wait(id: number, ms: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(`did not answer within ${ms / 1000} s`), ms);
      const settled = <A>(then: (argument: A) => void) => {
        return (argument: A) => {
          clearTimeout(timer);
          then(argument);
        };
      };
      this.#waiting.set(id, { resolve: settled(resolve), reject: settled(reject) });
    });
  }

  #fail(what: string): void {
    const error = new Error([`${this.name} ${what}`, ...this.#output].join('\n').trimEnd());
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
