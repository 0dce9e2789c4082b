import { createSocket, type Socket } from 'node:dgram';
import { createServer, connect } from 'node:net';
import { freePort } from '../../testing/faults/free-port.js';

/** What becomes of an answer on its way; several datagrams, one, or none. */
export type Meddling = (answer: Buffer) => readonly Buffer[];

/** Stands in front of a real DNS server, and meddles with what it says over UDP. TCP passes as it is. */
export interface DnsProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The questions that came, over UDP. */
  readonly asked: readonly Buffer[];
  /** Where the last question came from. */
  readonly lastPort: number;
  /** Connections over TCP. */
  readonly connections: number;
  meddle: Meddling;
}

export async function startDnsProxy(target: string): Promise<DnsProxy> {
  const port = await freePort();
  const proxy = new MeddlingProxy(port, Number(target.split(':')[1]));
  await proxy.listen();
  return proxy;
}

class MeddlingProxy implements DnsProxy {
  readonly asked: Buffer[] = [];
  connections = 0;
  lastPort = 0;
  meddle: Meddling = (answer) => [answer];
  readonly #front = createSocket('udp4');
  readonly #backs = new Set<Socket>();
  readonly #tcp = createServer((client) => {
    this.connections += 1;
    const server = connect(this.target, '127.0.0.1');
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
  });

  constructor(
    private readonly port: number,
    private readonly target: number,
  ) {
    this.#front.on('message', (question, from) => {
      this.asked.push(question);
      this.lastPort = from.port;
      const back = createSocket('udp4');
      this.#backs.add(back);
      back.on('message', (answer) => {
        for (const datagram of this.meddle(answer)) this.#front.send(datagram, from.port, from.address);
      });
      // The real server may be away.
      back.on('error', () => {});
      back.send(question, this.target, '127.0.0.1');
    });
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#front.bind(this.port, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => this.#tcp.listen(this.port, '127.0.0.1', resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const back of this.#backs) back.close();
    this.#front.close();
    this.#tcp.close();
  }
}
