import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a client and a server, and breaks the network between them. */
export interface TcpProxy {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Ends every connection, and refuses new ones. */
  cut(): void;
  /** Every connection, old and new, stays open and carries nothing. */
  freeze(): void;
  /** Undoes `cut` and `freeze`; what `freeze` held back is delivered. */
  heal(): void;
  stop(): Promise<void>;
}

type Mode = 'open' | 'cut' | 'frozen';

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const [hostname = '', port] = target.split(':');
  const sockets = new Set<Socket>();
  let mode: Mode = 'open';
  const apply = (socket: Socket) => (mode === 'frozen' ? socket.pause() : socket.resume());
  const change = (next: Mode) => {
    mode = next;
    for (const socket of sockets) if (mode === 'cut') socket.resetAndDestroy();
    for (const socket of sockets) apply(socket);
  };
  const server = createServer((client) => {
    if (mode === 'cut') return void client.resetAndDestroy();
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => to.write(data));
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => (sockets.delete(from), to.destroy()));
      apply(from);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut: () => change('cut'),
    freeze: () => change('frozen'),
    heal: () => change('open'),
    stop() {
      change('cut');
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
