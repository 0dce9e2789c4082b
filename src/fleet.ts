import { fork, type ChildProcess } from 'node:child_process';
import type { CallReport } from './caller.js';
import { Orders, Users } from './contracts.js';

interface Member {
  readonly name: string;
  readonly service: string;
  readonly weight: number;
  readonly group?: string;
}

const MEMBERS: readonly Member[] = [
  { name: 'users-1', service: Users.name, weight: 100 },
  { name: 'users-2', service: Users.name, weight: 200 },
  { name: 'users-canary', service: Users.name, weight: 100, group: 'canary' },
  { name: 'orders-1', service: Orders.name, weight: 100 },
  { name: 'orders-2', service: Orders.name, weight: 300 },
];

/** Real Nest services and a client, each a process of its own. */
export class Fleet {
  readonly #processes: ChildProcess[] = [];

  constructor(private readonly onReport: (report: CallReport) => void) {}

  /** How many instances there will be. */
  readonly size = MEMBERS.length;

  start(): void {
    for (const { name, service, weight, group = '' } of MEMBERS) {
      this.#start('service', [service], { DEMO_NAME: name, ROOKERY_WEIGHT: String(weight), ROOKERY_GROUP: group });
    }
  }

  startCaller(): void {
    this.#start('caller', [], {}).on('message', (report) => this.onReport(report as CallReport));
  }

  /** Stops the client first, then lets the services deregister; resolves when all have ended. */
  async stop(): Promise<void> {
    if (this.#processes.length > MEMBERS.length) await stop(this.#processes.pop()!);
    await Promise.all(this.#processes.map(stop));
  }

  #start(program: string, args: string[], env: NodeJS.ProcessEnv): ChildProcess {
    const child = fork(new URL(`./${program}.js`, import.meta.url), args, { env: { ...process.env, ...env } });
    this.#processes.push(child);
    return child;
  }
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
