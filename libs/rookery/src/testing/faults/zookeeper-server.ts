import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freePort } from './free-port.js';
import { ZkCli } from './zk-cli.js';

/** A real ZooKeeper of one server, as a process with its own port and data. */
export interface ZooKeeperServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`, the same after every restart. */
  readonly host: string;
  /** Its process id; 0 while it does not run. */
  readonly pid: number;
  /** What ZooKeeper's own command line printed, for a command such as `get -s /path`; rejects where it failed. */
  zkCli(...args: readonly string[]): Promise<string>;
  /** What it answers to a word of four letters, such as `dump`: its sessions, and what goes with each. */
  ask(word: string): Promise<string>;
  /** `SIGSTOP` hangs it and `SIGCONT` lets it go on; see `crash` for `SIGKILL`. */
  kill(signal: NodeJS.Signals): void;
  /** Kills it with SIGKILL, and resolves when it is gone; its data stays for `restart`. */
  crash(): Promise<void>;
  /** Kills it if it runs, and starts it again on the same port; `wipe` throws its data away. Resolves once it serves. */
  restart(options?: { readonly wipe?: boolean }): Promise<void>;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

export interface ZooKeeperServerOptions {
  /** With `false` it is only decided where it will listen; default true. */
  readonly running?: boolean;
  /** Where a folder for its data is made; default the system's for temporary files. */
  readonly parent?: string;
  /** More lines of its configuration, such as `secureClientPort=…`. */
  readonly config?: readonly string[];
  /** More arguments of Java, such as `-Dzookeeper.…=…`. */
  readonly javaArgs?: readonly string[];
}

const START_TIMEOUT_MS = 30_000;
const START_TRIES = 3;
/** Sessions last for at least two ticks, and are looked through once a tick, ms. */
const TICK_MS = 200;

/** Where packages of systems put it: Debian's, and Homebrew's. */
const PLACES = [
  '/usr/share/java/zookeeper.jar',
  '/opt/homebrew/opt/zookeeper/libexec/lib',
  '/usr/local/opt/zookeeper/libexec/lib',
];

/**
 * Starts a real ZooKeeper for a test: what `ZOOKEEPER_HOME` names (the folder of a release, or a jar), else the one of the
 * system's packages; `java` of `JAVA_HOME` or on the PATH. Sessions of two seconds are possible.
 * @throws {Error} where there is none, or where it does not serve within 30 s
 */
export async function startZooKeeper(options: ZooKeeperServerOptions = {}): Promise<ZooKeeperServer> {
  for (let tries = 1; ; tries += 1) {
    const server = new ZooKeeperProcess(await freePort(), options);
    if (options.running === false) return server;
    try {
      await server.restart();
      return server;
    } catch (error) {
      const taken = server.ended;
      await server.stop();
      // Another process may have taken the port since we looked.
      if (!taken || tries === START_TRIES) throw error;
    }
  }
}

class ZooKeeperProcess implements ZooKeeperServer {
  readonly host: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #failed: Error | undefined;
  #cli: ZkCli | undefined;

  constructor(
    private readonly port: number,
    private readonly options: ZooKeeperServerOptions,
  ) {
    this.host = `127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(options.parent ?? tmpdir(), 'rookery-zookeeper-'));
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

  zkCli(...args: readonly string[]): Promise<string> {
    const main = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', classPath()];
    this.#cli ??= new ZkCli(java(), [...main, 'org.apache.zookeeper.ZooKeeperMain', '-server', this.host]);
    return this.#cli.run(args);
  }

  async ask(word: string): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    socket.setTimeout(1000, () => socket.destroy(new Error(`no answer to ${word}`)));
    // It ends the connection itself; where we end our side first, Netty answers nothing.
    socket.write(word);
    return text(socket);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async restart({ wipe = false } = {}): Promise<void> {
    await this.crash();
    if (wipe) rmSync(join(this.#folder, 'data'), { recursive: true, force: true });
    this.#launch();
    await this.#serving();
  }

  #launch(): void {
    const lines = [
      `dataDir=${join(this.#folder, 'data')}`,
      `clientPort=${this.port}`,
      'clientPortAddress=127.0.0.1',
      `tickTime=${TICK_MS}`,
      'maxSessionTimeout=60000',
      'maxClientCnxns=0',
      'admin.enableServer=false',
      '4lw.commands.whitelist=*',
      ...(this.options.config ?? []),
    ];
    const config = join(this.#folder, 'zoo.cfg');
    writeFileSync(config, lines.join('\n'));
    // A machine that runs many tests has neither cores nor a quiet disk to spare.
    const args = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-Dzookeeper.forceSync=no'];
    args.push(...(this.options.javaArgs ?? []), '-cp', classPath());
    this.#failed = undefined;
    this.#process = spawn(java(), [...args, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', config], {
      stdio: 'ignore',
    });
    this.#process.once('error', (cause) => {
      this.#failed = new Error('java cannot be started: install it, or set JAVA_HOME to where it is', { cause });
    });
  }

  async crash(): Promise<void> {
    this.#cli?.stop();
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null || running.pid === undefined) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  async #serving(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      if (this.#failed) throw this.#failed;
      if (this.ended) throw new Error(`ZooKeeper ended by itself at ${this.host}: is its port taken?`);
      const answer = await this.ask('srvr').catch(String);
      if (answer.includes('Mode:')) return;
      if (performance.now() > end) throw new Error(`ZooKeeper does not serve at ${this.host}: ${answer}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async stop(): Promise<void> {
    await this.crash();
    this.discard();
    open.delete(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Kills it and removes its data, at once. */
  discard(): void {
    this.#cli?.stop();
    this.#process?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function java(): string {
  const home = process.env['JAVA_HOME'];
  return home ? join(home, 'bin', 'java') : 'java';
}

function classPath(): string {
  const place = process.env['ZOOKEEPER_HOME'] ?? PLACES.find((path) => existsSync(path));
  if (!place) throw new Error('there is no ZooKeeper: install it, or set ZOOKEEPER_HOME to where it is');
  // Debian's jar names all it needs but this one, which only a ZooKeeper with TLS needs.
  if (place.endsWith('.jar')) return [place, join(dirname(place), 'netty-codec.jar')].join(delimiter);
  const lib = join(place, 'lib');
  return existsSync(lib) ? join(lib, '*') : join(place, '*');
}

/** Those that would outlive this process. */
const open = new Set<ZooKeeperProcess>();
let listening = false;

function listenForExit(): void {
  if (listening) return;
  listening = true;
  process.on('exit', () => {
    for (const server of open) server.discard();
  });
}
