import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { freePort } from '../../testing/faults/free-port.js';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A real HTTP server that says whatever a spec wants. */
export class ListServer implements AsyncDisposable {
  readonly requests: IncomingMessage[] = [];
  readonly sockets = new Set<Socket>();
  handle: Handler = json([]);
  readonly #server = createServer((request, response) => {
    this.requests.push(request);
    this.handle(request, response);
  });

  static async start(): Promise<ListServer> {
    const server = new ListServer();
    server.#server.on('connection', (socket) => server.sockets.add(socket));
    await server.listen(await freePort());
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A whole answer. */
export function json(body: unknown, headers: Record<string, string> = {}, status = 200): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}
