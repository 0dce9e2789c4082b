import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A real etcd of one member, with its own ports and data. */
export interface TestEtcd {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly pid: number;
  /** What `etcdctl` printed; rejects where it failed. A last argument `{ input }` is what it reads. */
  etcdctl(...args: (string | { readonly input: string })[]): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Kills it if it runs, and starts it again on the same ports; `wipe` throws its data away. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** Kills it, and waits until it is gone; its data stays for `restart`. */
  crash(): Promise<void>;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

const run = promisify(execFile);
const START_TIMEOUT_MS = 20_000;

/** Starts an etcd, or with `running: false` only chooses where it will listen. Found by ETCD_BIN, else on the PATH. */
export async function startEtcd({ running = true, args = [] as readonly string[] } = {}): Promise<TestEtcd> {
  const etcd = new LocalEtcd(await freePort(), await freePort(), args);
  if (running) await etcd.restart();
  return etcd;
}

class LocalEtcd implements TestEtcd {
  readonly host: string;
  readonly #data = mkdtempSync(join(tmpdir(), 'rookery-etcd-'));
  #process: ChildProcess | undefined;
  readonly #onExit = () => this.#discard();

  constructor(
    port: number,
    private readonly peerPort: number,
    private readonly args: readonly string[],
  ) {
    this.host = `127.0.0.1:${port}`;
    process.on('exit', this.#onExit);
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async etcdctl(...args: (string | { readonly input: string })[]): Promise<string> {
    const texts = args.filter((arg) => typeof arg === 'string');
    const env = { ...environment(), ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: this.host };
    const running = run('etcdctl', texts, { env, maxBuffer: 1e8 });
    for (const arg of args) if (typeof arg !== 'string') running.child.stdin?.end(arg.input);
    return (await running).stdout.trim();
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async restart({ wipe = false } = {}): Promise<void> {
    await this.crash();
    if (wipe) this.#discard();
    const peer = `http://127.0.0.1:${this.peerPort}`;
    const client = `http://${this.host}`;
    const args = ['--name', 'test', '--data-dir', this.#data, '--log-level', 'error', '--logger', 'zap'];
    args.push('--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer);
    args.push('--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`, ...this.args);
    this.#process = spawn(process.env['ETCD_BIN'] ?? 'etcd', args, { env: environment(), stdio: 'ignore' });
    const failed = new Promise<never>((_, reject) => this.#process?.once('error', reject));
    await Promise.race([this.#healthy(), failed]);
  }

  async crash(): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.crash();
    this.#discard();
    process.off('exit', this.#onExit);
  }

  async #healthy(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        const answer = await fetch(`http://${this.host}/health`, { signal: AbortSignal.timeout(1000) });
        if (((await answer.json()) as { health: string }).health === 'true') return;
      } catch (error) {
        if (performance.now() > end) throw new Error(`etcd does not start at ${this.host}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  #discard(): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.#data, { recursive: true, force: true });
  }
}

/** Ours without what would configure etcd or etcdctl. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^ETCD(CTL)?_/.test(name)));
}

/**
 * A port that nobody listens on, below the range from which the system takes the ports of outgoing connections: inside
 * it, a client that reconnects can connect to itself, and etcd cannot come back.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
