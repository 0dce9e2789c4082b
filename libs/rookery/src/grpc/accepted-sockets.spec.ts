import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../testing/eventually.js';
import { AcceptedSockets } from './accepted-sockets.js';

const cleanups: (() => unknown)[] = [];
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()));

async function listen(host: string, port: number) {
  const server = new Server();
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, at) =>
      error ? reject(error) : resolve(at),
    ),
  );
  const sockets = new AcceptedSockets(server);
  cleanups.push(
    () => server.forceShutdown(),
    () => sockets[Symbol.dispose](),
  );
  return { sockets, port: bound };
}

/** A client that says nothing; `open` until its server ends it. */
async function dial(host: string, port: number) {
  const socket: Socket = connect(port, host).on('error', () => {});
  const dialled = { open: true };
  socket.once('close', () => (dialled.open = false));
  cleanups.push(() => socket.destroy());
  // The settings of HTTP/2: it is accepted.
  await once(socket, 'data');
  return dialled;
}

describe('AcceptedSockets', () => {
  it.each(['127.0.0.1', 'localhost'])(
    'destroys those of its server, and of no other at the same port: %s',
    async (host) => {
      const first = await listen(host, 0);
      const second = await listen('127.0.0.2', first.port);
      const [own, other] = [await dial(host, first.port), await dial('127.0.0.2', second.port)];
      first.sockets[Symbol.dispose]();
      await eventually(() => expect(own.open).toBe(false));
      expect(other.open).toBe(true);
      second.sockets[Symbol.dispose]();
      await eventually(() => expect(other.open).toBe(false));
    },
  );

  it('destroys those that have said nothing, and leaves the others', async () => {
    const { sockets, port } = await listen('127.0.0.1', 0);
    const mute = await dial('127.0.0.1', port);
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    cleanups.push(() => client.close());
    // Answered, though with UNIMPLEMENTED: its connection has been read.
    const bytes = (message: Buffer) => message;
    await new Promise((resolve) => client.makeUnaryRequest('/a/b', bytes, bytes, Buffer.alloc(1), resolve));
    expect(sockets.size).toBe(2);
    sockets.destroyMute();
    await eventually(() => expect(mute.open).toBe(false));
    expect(sockets.size).toBe(1);
  });
});
