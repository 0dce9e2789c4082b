import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';

/** What a DNS server says of one domain; who asks for any other one is refused. */
export interface DnsZone {
  /** Such as `svc.test`; names outside of it are not known. */
  readonly domain: string;
  /** RFC 2782. */
  readonly srv?: readonly {
    readonly name: string;
    readonly target: string;
    readonly port: number;
    readonly priority?: number;
    readonly weight?: number;
  }[];
  /** Addresses by name, IPv4 and IPv6. */
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  /** Names that stand for others. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Whole seconds; default 0. */
  readonly ttlSeconds?: number;
}

/** A real DNS server (dnsmasq), as a process with a port of its own, over UDP and TCP. */
export interface DnsServerProcess extends AsyncDisposable {
  /** `127.0.0.1:PORT`, the same after every start. */
  readonly host: string;
  /** Says something else from here on; resolves when it does. */
  serve(zone: DnsZone): Promise<void>;
  /** `SIGSTOP` hangs it and `SIGCONT` lets it go on. */
  kill(signal: NodeJS.Signals): void;
  /** Ends it; `serve` starts it again. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

/**
 * Starts dnsmasq: the one on PATH, or at `DNSMASQ_BIN`. It ends with this process at the latest.
 * @throws {Error} where it is not installed, or does not start
 */
export async function startDns(zone: DnsZone): Promise<DnsServerProcess> {
  const server = new Dnsmasq(await freePort());
  await server.serve(zone);
  return server;
}

class Dnsmasq implements DnsServerProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rookery-dns-'));
  #process: ChildProcess | undefined;
  #failed: Error | undefined;

  constructor(private readonly port: number) {
    process.once('exit', this.#discard);
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  async serve(zone: DnsZone): Promise<void> {
    await this.#end();
    const hosts = join(this.#folder, 'hosts');
    const config = join(this.#folder, 'dnsmasq.conf');
    writeFileSync(hosts, linesOfHosts(zone).join('\n'));
    writeFileSync(config, [...this.#settings(hosts), ...linesOf(zone), ''].join('\n'));
    this.#failed = undefined;
    this.#process = spawn(process.env['DNSMASQ_BIN'] ?? 'dnsmasq', ['--keep-in-foreground', `--conf-file=${config}`], {
      stdio: 'ignore',
      // Where Debian has it, and only root looks.
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` },
    });
    this.#process.once('error', (cause) => {
      this.#failed = new Error('dnsmasq cannot be started: install it, or set DNSMASQ_BIN to where it is', { cause });
    });
    await this.#listens();
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async stop(): Promise<void> {
    await this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    this.#discard();
    process.off('exit', this.#discard);
  }

  #settings(hosts: string): readonly string[] {
    return [
      `port=${this.port}`,
      'listen-address=127.0.0.1',
      'bind-interfaces',
      'no-resolv',
      'no-hosts',
      'pid-file=',
      'log-facility=/dev/null',
      `addn-hosts=${hosts}`,
      // Root would become a user who cannot read the folder.
      ...(process.getuid?.() === 0 ? ['user=root'] : []),
    ];
  }

  async #listens(): Promise<void> {
    const end = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      if (this.#failed) throw this.#failed;
      const { exitCode } = this.#process!;
      if (exitCode !== null) throw new Error(`dnsmasq ended with ${exitCode} at ${this.host}`);
      if (await isOpen(this.port)) return;
      if (performance.now() > end) throw new Error(`dnsmasq does not listen at ${this.host}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #end(): Promise<void> {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null || running.pid === undefined) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  }

  readonly #discard = (): void => {
    this.#process?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  };
}

function linesOf({ domain, srv = [], aliases = {}, ttlSeconds = 0 }: DnsZone): readonly string[] {
  return [
    `local=/${domain}/`,
    `local-ttl=${ttlSeconds}`,
    ...srv.map(
      ({ name, target, port, priority = 0, weight = 0 }) => `srv-host=${name},${target},${port},${priority},${weight}`,
    ),
    ...Object.entries(aliases).map(([name, target]) => `cname=${name},${target}`),
  ];
}

function linesOfHosts({ hosts = {} }: DnsZone): readonly string[] {
  return Object.entries(hosts).flatMap(([name, addresses]) => addresses.map((address) => `${address} ${name}`));
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
