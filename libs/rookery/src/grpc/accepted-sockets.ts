import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server, Socket } from 'node:net';

const ACCEPTED = 'net.server.socket';

/** Where a server listens. */
export type Place = { readonly port: number } | { readonly path: string };

/**
 * The sockets that this process accepts at one place. grpc-js waits for the other side to close its end, for ever where
 * that is frozen, and the socket would hold the process.
 */
export class AcceptedSockets implements Disposable {
  readonly #sockets = new Set<Socket>();

  constructor(private readonly place: Place) {
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

  /** Destroys what is still open, and hears no more. */
  [Symbol.dispose](): void {
    unsubscribe(ACCEPTED, this.#hear);
    for (const socket of this.#sockets) socket.destroy();
  }

  readonly #hear = (message: unknown): void => {
    const { socket } = message as { readonly socket: Socket & { readonly server?: Server } };
    const address = socket.server?.address();
    const at = typeof address === 'string' ? { path: address } : address;
    if (!at || !isAt(at, this.place)) return;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  };
}

function isAt(address: Place, place: Place): boolean {
  return 'path' in place
    ? 'path' in address && address.path === place.path
    : 'port' in address && address.port === place.port;
}
