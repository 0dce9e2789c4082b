import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment, etcdProgram, restoreSnapshot, runEtcdctl, type ToolArg } from './etcd-tools.js';
import { freePort } from './free-port.js';

/** A real etcd of one member, as a process with its own ports and data. */
export interface EtcdServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`, the same after every restart. */
  readonly host: string;
  /** Its process id; 0 while it does not run. */
  readonly pid: number;
  /** What `etcdctl` printed; rejects where it failed. An argument `{ input }` is what it reads. */
  etcdctl(...args: ToolArg[]): Promise<string>;
  /** `SIGSTOP` hangs it and `SIGCONT` lets it go on; see `crash` for `SIGKILL`. */
  kill(signal: NodeJS.Signals): void;
  /** Kills it with SIGKILL, and resolves when it is gone; its data stays for `restart`. */
  crash(): Promise<void>;
  /** Kills it if it runs, and starts it again on the same ports; `wipe` throws its data away. Resolves once it is healthy. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** Kills it if it runs, and starts it with the data of a file that `etcdctl snapshot save` wrote. */
  restore(file: string): Promise<void>;
  /** Starts it without waiting until it is healthy: a member of a cluster is only with others. */
  launch(): void;
  /** Resolves once it answers that it is healthy, rejects after 20 s. */
  healthy(): Promise<void>;
  /** Whether it leads its cluster; false where it does not answer within a second. */
  leads(): Promise<boolean>;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

export interface EtcdServerOptions {
  /** With `false` it is only decided where it will listen; default true. */
  readonly running?: boolean;
  /** Where a folder for its data is made; default the system's for temporary files. A RAM disk spares it waiting. */
  readonly parent?: string;
  /** More arguments of etcd, such as `--auto-tls`. */
  readonly args?: readonly string[];
  /** Of the client's URL; default `http`. */
  readonly scheme?: 'http' | 'https';
  /** More arguments of every `etcdctl`, such as `--cacert`. */
  readonly etcdctlArgs?: readonly string[];
}

/** Where a member listens. */
export interface EtcdPorts {
  readonly client: number;
  readonly peer: number;
  /** Plain HTTP, whatever the client's URL: whether it is healthy. */
  readonly health: number;
}

const START_TIMEOUT_MS = 20_000;
const START_TRIES = 3;

/**
 * Starts a real etcd for a test: the program that `ETCD_BIN` names, else `etcd` on the PATH; `ETCDCTL_BIN` and
 * `ETCDUTL_BIN` name its tools, else they are on the PATH, too. Versions 3.4 to 3.6 are known to work.
 * @throws {Error} where there is none, or where it does not become healthy within 20 s
 */
export async function startEtcd(options: EtcdServerOptions = {}): Promise<EtcdServer> {
  for (let tries = 1; ; tries += 1) {
    const server = new EtcdProcess('test', await takePorts(), options);
    if (options.running === false) return server;
    try {
      await server.restart();
      return server;
    } catch (error) {
      const taken = server.ended;
      await server.stop();
      // Another process may have taken a port since we looked.
      if (!taken || tries === START_TRIES) throw error;
    }
  }
}

export async function takePorts(): Promise<EtcdPorts> {
  return { client: await freePort(), peer: await freePort(), health: await freePort() };
}

export function peerUrl({ peer }: EtcdPorts): string {
  return `http://127.0.0.1:${peer}`;
}

export class EtcdProcess implements EtcdServer {
  readonly host: string;
  readonly #data: string;
  #process: ChildProcess | undefined;
  #failed: Error | undefined;

  constructor(
    private readonly name: string,
    private readonly ports: EtcdPorts,
    private readonly options: EtcdServerOptions & { readonly cluster?: string } = {},
  ) {
    this.host = `127.0.0.1:${ports.client}`;
    this.#data = mkdtempSync(join(options.parent ?? tmpdir(), 'rookery-etcd-'));
    open.add(this);
    listenForExit();
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** It was started, and has ended by itself. */
  get ended(): boolean {
    return this.#process !== undefined && this.#process.exitCode !== null;
  }

  etcdctl(...args: ToolArg[]): Promise<string> {
    const { scheme = 'http', etcdctlArgs = [] } = this.options;
    return runEtcdctl([...etcdctlArgs, ...args], { ETCDCTL_ENDPOINTS: `${scheme}://${this.host}` });
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async restart({ wipe = false } = {}): Promise<void> {
    await this.crash();
    if (wipe) this.discard();
    this.launch();
    await this.healthy();
  }

  async restore(file: string): Promise<void> {
    await this.crash();
    this.discard();
    const peer = peerUrl(this.ports);
    const member = ['--name', this.name, '--initial-cluster', `${this.name}=${peer}`];
    await restoreSnapshot(file, this.#data, [...member, '--initial-advertise-peer-urls', peer]);
    this.launch();
    await this.healthy();
  }

  launch(): void {
    const { scheme = 'http', args: own = [], cluster } = this.options;
    const peer = peerUrl(this.ports);
    const client = `${scheme}://${this.host}`;
    const args = ['--name', this.name, '--data-dir', this.#data, '--log-level', 'error', '--logger', 'zap'];
    args.push('--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer);
    args.push('--initial-advertise-peer-urls', peer, '--initial-cluster', cluster ?? `${this.name}=${peer}`);
    args.push('--listen-metrics-urls', `http://127.0.0.1:${this.ports.health}`, ...own);
    this.#failed = undefined;
    this.#process = spawn(etcdProgram(), args, { env: environment(), stdio: 'ignore' });
    this.#process.once('error', (cause) => {
      this.#failed = new Error('etcd cannot be started: install it, or set ETCD_BIN to where it is', { cause });
    });
  }

  async crash(): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  async healthy(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      if (this.#failed) throw this.#failed;
      if (this.ended) throw new Error(`etcd ended by itself at ${this.host}: is a port of it taken?`);
      const answer = await this.#ask('health');
      if (answer.includes('"true"')) return;
      if (performance.now() > end) throw new Error(`etcd does not become healthy at ${this.host}: ${answer}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async leads(): Promise<boolean> {
    return /^etcd_server_is_leader 1$/m.test(await this.#ask('metrics'));
  }

  async stop(): Promise<void> {
    await this.crash();
    this.discard();
    open.delete(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** What it says of itself, or why it says nothing. */
  async #ask(what: 'health' | 'metrics'): Promise<string> {
    try {
      const url = `http://127.0.0.1:${this.ports.health}/${what}`;
      return await (await fetch(url, { signal: AbortSignal.timeout(1000) })).text();
    } catch (error) {
      return String(error);
    }
  }

  /** Kills it and removes its data, at once. */
  discard(): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.#data, { recursive: true, force: true });
  }
}

/** Those that would outlive this process. */
const open = new Set<EtcdProcess>();
let listening = false;

function listenForExit(): void {
  if (listening) return;
  listening = true;
  process.on('exit', () => {
    for (const server of open) server.discard();
  });
}
