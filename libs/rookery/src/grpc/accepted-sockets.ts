import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';

const ACCEPTED = 'net.server.socket';

/** grpc-js listens at every address of a name by a server of Node's own, and shows none of them. */
interface Listeners {
  readonly http2Servers?: ReadonlyMap<unknown, unknown>;
}

/**
 * The sockets that a server accepts. grpc-js waits for the other side to close its end, for ever where that is frozen,
 * and the socket would hold the process.
 */
export class AcceptedSockets implements Disposable {
  readonly #sockets = new Set<Socket>();
  readonly #listeners: Listeners;

  /** @param server listens already */
  constructor(server: Server) {
    this.#listeners = server as unknown as Listeners;
    subscribe(ACCEPTED, this.#hear);
  }

  /** How many are open. */
  get size(): number {
    return this.#sockets.size;
  }

  /**
   * Whether there are some, and this side has sent everything on each of them, its end as well: what is left is the other
   * side's end. Never with TLS, where another socket does the sending.
   */
  get ended(): boolean {
    return this.#sockets.size > 0 && [...this.#sockets].every(({ writableFinished }) => writableFinished);
  }

  /** Destroys those that have never said anything: no call can run on them, and whoever opened them may never close them. */
  destroyMute(): void {
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Destroys what is still open, and hears no more. */
  [Symbol.dispose](): void {
    unsubscribe(ACCEPTED, this.#hear);
    for (const socket of this.#sockets) socket.destroy();
  }

  readonly #hear = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket & { readonly server?: unknown } };
    // An address tells two servers at one port apart only where it is no name.
    if (!this.#listeners.http2Servers?.has(socket.server)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  };
}
