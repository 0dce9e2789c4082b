import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { CallReport } from './caller.js';
import { Orders, Users } from './contracts.js';

const MEMBERS = [
  { name: 'users-1', service: Users.name, weight: 100, group: '' },
  { name: 'users-2', service: Users.name, weight: 200, group: '' },
  { name: 'users-canary', service: Users.name, weight: 100, group: 'canary' },
  { name: 'orders-1', service: Orders.name, weight: 100, group: '' },
  { name: 'orders-2', service: Orders.name, weight: 300, group: '' },
];

/** Real Nest services and a client, each a process of its own. */
export class Fleet {
  /** How many instances there will be. */
  readonly size = MEMBERS.length;
  readonly #processes: ChildProcess[] = [];
  #stopping = false;

  /** @param onNote hears what a process prints, and that it ended by itself */
  constructor(private readonly onNote: (note: string) => void) {}

  startServices(): void {
    for (const { name, service, weight, group } of MEMBERS) {
      this.#start(name, 'service', { DEMO_NAME: name, ROOKERY_WEIGHT: `${weight}`, ROOKERY_GROUP: group }, service);
    }
  }

  startCaller(onReport: (report: CallReport) => void): void {
    this.#start('caller', 'caller', {}).on('message', (report) => onReport(report as CallReport));
  }

  /** Stops the client first, then lets the services deregister; resolves when all have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#processes.length > this.size) await stop(this.#processes.pop()!);
    await Promise.all(this.#processes.map(stop));
  }

  #start(name: string, program: string, env: NodeJS.ProcessEnv, ...args: string[]): ChildProcess {
    const child = fork(new URL(`./${program}.js`, import.meta.url), args, {
      env: { ...process.env, NO_COLOR: '1', ...env },
      silent: true,
    });
    for (const input of [child.stdout!, child.stderr!]) {
      createInterface({ input }).on('line', (line) => this.onNote(`${name}: ${line}`));
    }
    child.once('exit', (code, signal) => this.#stopping || this.onNote(`${name} ended (${signal ?? code})`));
    this.#processes.push(child);
    return child;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
