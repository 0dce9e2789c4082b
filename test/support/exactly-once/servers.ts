import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProbe, type ProbeServer } from '../probe-server.js';

/** How many servers there are. */
const SERVERS = 4;
/** How long a server is frozen at most, ms: some for longer than it takes to suspect them. */
const FREEZE_MS = 1600;
/** Between SIGTERM and SIGKILL, where both come, ms. */
const LEAVES_MS = 40;

/** What becomes of a server; where it ends, another one takes its place. */
const FATES = ['killed', 'drained', 'frozen', 'frozen, killed', 'drained, killed', 'frozen, drained'] as const;
export type Fate = (typeof FATES)[number];

/** Servers with ledgers that come and go. */
export class LedgerServers {
  readonly fates: Partial<Record<Fate, number>> = {};
  /** The files of all that there were. */
  readonly ledgers: string[] = [];
  readonly #running: ProbeServer[] = [];
  /** Those that are to come before any comes again: none is to be missing in a short run. */
  #next: Fate[] = [];

  constructor(
    private readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly random: () => number,
  ) {}

  /** Resolves when they are registered. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: SERVERS }, () => this.#startOne()));
  }

  /** Something becomes of one of them; resolves when there are as many as before. */
  async strike(): Promise<Fate> {
    const fate = this.#draw();
    const server = this.#running[Math.floor(this.random() * SERVERS)]!;
    this.fates[fate] = (this.fates[fate] ?? 0) + 1;
    if (fate === 'frozen') {
      await this.#freeze(server);
      await server.kill('SIGCONT');
      return fate;
    }
    // A deployment starts the new one first; whoever dies is missed before.
    if (this.random() < 0.5) await this.#startOne();
    this.#running.splice(this.#running.indexOf(server), 1);
    await this.#end(server, fate);
    if (this.#running.length < SERVERS) await this.#startOne();
    return fate;
  }

  #draw(): Fate {
    if (this.#next.length === 0) this.#next = [...FATES];
    return this.#next.splice(Math.floor(this.random() * this.#next.length), 1)[0]!;
  }

  async #startOne(): Promise<void> {
    const name = `s${this.ledgers.length}`;
    const ledger = join(this.folder, `${name}.ledger`);
    this.ledgers.push(ledger);
    const env = { ...this.env, LEDGER_FILE: ledger };
    const program = 'dist/test/apps/mux-ledger-server.js';
    this.#running.push(await startProbe({ program, name, registry: 'local:', env }));
  }

  async #end(server: ProbeServer, fate: Exclude<Fate, 'frozen'>): Promise<void> {
    if (fate.startsWith('frozen')) await this.#freeze(server);
    if (fate === 'drained') return server.kill('SIGTERM');
    if (fate === 'frozen, drained') {
      const ended = server.kill('SIGTERM');
      await server.kill('SIGCONT');
      return ended;
    }
    if (fate === 'drained, killed') {
      void server.kill('SIGTERM');
      await sleep(this.random() * LEAVES_MS);
    }
    await server.kill('SIGKILL');
  }

  async #freeze(server: ProbeServer): Promise<void> {
    await server.kill('SIGSTOP');
    await sleep(this.random() * FREEZE_MS);
  }
}
