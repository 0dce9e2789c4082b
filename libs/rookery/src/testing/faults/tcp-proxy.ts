import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { DelayLine } from './delay-line.js';

/** Stands between clients and a server, and breaks the network between them. One fault at a time; the last one counts. */
export interface TcpProxy extends AsyncDisposable {
  /** Where clients connect to: `127.0.0.1:PORT`. */
  readonly host: string;
  /** How many connections it has taken so far, without those that it reset at once, and those that the server refused. */
  readonly accepted: number;
  /** Resets every connection, and each new one. */
  cut(): void;
  /** Connections, old and new, stay open and carry nothing: a firewall that drops packets, a switch that died. */
  blackHole(): void;
  /** The server's side is gone and nobody tells the client: what it sends is lost, and `heal` resets the connection. */
  halfOpen(): void;
  /** Everything takes this much longer on its way, ms, in both directions. */
  delay(ms: number): void;
  /** Ends the fault; what a black hole held back is delivered. */
  heal(): void;
  /** Ends every connection, and itself. */
  stop(): Promise<void>;
}

/**
 * Starts a proxy on a free port of the loopback interface.
 * @param target `host:port` of the server
 */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const proxy = new LoopbackProxy(target);
  await proxy.listen();
  return proxy;
}

type Fault = 'none' | 'cut' | 'black-hole' | 'half-open';

class LoopbackProxy implements TcpProxy {
  accepted = 0;
  readonly #links = new Set<Link>();
  readonly #server: Server;
  #fault: Fault = 'none';
  #delayMs = 0;

  constructor(private readonly target: string) {
    this.#server = createServer((client) => this.#take(client));
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  cut(): void {
    this.#become('cut');
  }

  blackHole(): void {
    this.#become('black-hole');
  }

  halfOpen(): void {
    this.#become('half-open');
  }

  delay(ms: number): void {
    this.#delayMs = ms;
    this.#become('none');
  }

  heal(): void {
    this.#delayMs = 0;
    this.#become('none');
  }

  stop(): Promise<void> {
    this.#become('cut');
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #become(fault: Fault): void {
    this.#fault = fault;
    for (const link of this.#links) link.suffer(fault);
  }

  #take(client: Socket): void {
    if (this.#fault === 'cut') return void client.resetAndDestroy();
    this.accepted += 1;
    const link = new Link(client, this.target, {
      delayMs: () => this.#delayMs,
      refused: () => (this.accepted -= 1),
      end: () => this.#links.delete(link),
    });
    this.#links.add(link);
    link.suffer(this.#fault);
  }
}

interface LinkOptions {
  readonly delayMs: () => number;
  /** The server does not take it. */
  readonly refused: () => void;
  readonly end: () => void;
}

/** One connection through the proxy. */
class Link {
  readonly #server: Socket;
  #orphaned = false;

  constructor(
    private readonly client: Socket,
    target: string,
    private readonly options: LinkOptions,
  ) {
    const colon = target.lastIndexOf(':');
    this.#server = connect(Number(target.slice(colon + 1)), target.slice(0, colon));
    for (const socket of [client, this.#server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
    }
    this.#server.once('error', (error: NodeJS.ErrnoException) => error.syscall === 'connect' && options.refused());
    this.#carry(client, this.#server);
    this.#carry(this.#server, client);
  }

  suffer(fault: Fault): void {
    if (fault === 'cut' || (this.#orphaned && fault !== 'half-open')) return this.#reset();
    if (fault === 'half-open') return this.#orphan();
    for (const socket of [this.client, this.#server]) {
      if (fault === 'black-hole') socket.pause();
      else socket.resume();
    }
  }

  #reset(): void {
    this.client.resetAndDestroy();
    this.#server.destroy();
    this.options.end();
  }

  #orphan(): void {
    this.#orphaned = true;
    this.#server.destroy();
    // Read, so that the client's system acknowledges what it sends.
    this.client.resume();
  }

  #carry(from: Socket, to: Socket): void {
    const line = new DelayLine();
    const later = (run: () => void) => line.add(this.options.delayMs(), run);
    from.on('data', (data) => later(() => to.writable && to.write(data)));
    from.on('end', () => later(() => to.end()));
    from.on('close', () => {
      if (this.#orphaned && from === this.#server) return;
      this.options.end();
      later(() => to.destroy());
    });
  }
}
