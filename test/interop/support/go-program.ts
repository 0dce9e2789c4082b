import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** The programs of `test/interop/go`. */
export type GoProgramName = 'grpcgo' | 'micro' | 'kratos' | 'gozero';

/** A line that a program of ours printed, without its mark. */
type Told = Readonly<Record<string, unknown>>;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Stops what a test left behind, by its pid. */
export async function stopGoPrograms(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }),
  );
}

/** A program in Go as a process; what its framework logs is kept for the message of a failure. */
export class GoProgram {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #output: string[] = [];
  #hear: (told: Told) => void = () => {};

  constructor(
    private readonly name: GoProgramName,
    args: readonly string[],
  ) {
    this.#child = spawn(`test/interop/bin/${name}`, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this.#child);
    // One that has ended reads nothing any more; whoever waits for an answer learns that from `ended`.
    this.#child.stdin!.on('error', () => {});
    this.#exited = once(this.#child, 'exit').then(() => void running.delete(this.#child));
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      createInterface({ input: stream }).on('line', (line) => this.#read(line));
  }

  /** Whoever is told what the program says; once it was told, the promise may be settled. */
  hear(listener: (told: Told) => void): void {
    this.#hear = listener;
  }

  say(what: Told): void {
    this.#child.stdin!.write(`${JSON.stringify(what)}\n`);
  }

  /** Rejects when the program ends. */
  async ended(): Promise<never> {
    await this.#exited;
    throw new Error(`${this.name} ended:\n${this.#output.slice(-20).join('\n')}`);
  }

  /** Sends a signal, and resolves when the program has ended. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }

  #read(line: string): void {
    if (line.startsWith('interop ')) this.#hear(JSON.parse(line.slice('interop '.length)) as Told);
    else this.#output.push(line);
  }
}
