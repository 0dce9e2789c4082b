import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from 'rookery/testing';

/** Until it can be connected to, ms. */
const START_MS = 10_000;

/** A real nats-server on a free port of 127.0.0.1. */
export class NatsServer implements AsyncDisposable {
  readonly #onExit = () => void this.child.kill('SIGKILL');

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {
    process.on('exit', this.#onExit);
  }

  static async start(): Promise<NatsServer> {
    const port = await freePort();
    const path = process.env['NATS_SERVER_BIN'] ?? 'nats-server';
    const child = spawn(path, ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    const gone = new AbortController();
    const ended = once(child, 'exit')
      .then(
        () => 'it ended by itself',
        (error: Error) => error.message,
      )
      .finally(() => gone.abort());
    const server = new NatsServer(child, `nats://127.0.0.1:${port}`);
    const fault = await Promise.race([ended, listens(port, gone.signal)]);
    if (fault === undefined) return server;
    await server[Symbol.asyncDispose]();
    throw new Error(`${path}: ${fault}; \`node scripts/setup.mjs nats\` says how to have one`);
  }

  /** CPU that it has used since it started, where the system tells it (Linux); else 0. */
  cpuUs(): number {
    try {
      const tasks = `/proc/${this.child.pid}/task`;
      const nsOf = (task: string) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]);
      return readdirSync(tasks).reduce((sum, task) => sum + nsOf(task) / 1000, 0);
    } catch {
      return 0;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#onExit);
    const { pid, exitCode, signalCode } = this.child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}

/** Resolves once the port can be connected to, or with what is wrong. */
async function listens(port: number, gone: AbortSignal): Promise<string | undefined> {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && !gone.aborted) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return undefined;
    await sleep(20);
  }
  return `does not listen within ${START_MS / 1000} s`;
}
