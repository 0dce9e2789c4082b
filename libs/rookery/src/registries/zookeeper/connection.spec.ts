import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { systemTime } from '../../system/time.js';
import { eventually } from '../../testing/eventually.js';
import { freePort } from '../../testing/faults/free-port.js';
import { Connection, HungUp, SessionExpired, type ConnectionOptions } from './connection.js';
import { Dialer } from './dialer.js';
import { FrameCutter, JuteReader, JuteWriter } from './jute.js';
import { NEW_SESSION } from './protocol.js';
import { getChildren, getData } from './requests.js';

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Somebody who takes connections, and does with them what ZooKeeper would not. */
async function impostor(serve: (socket: Socket) => void): Promise<ConnectionOptions> {
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const address = { host: '127.0.0.1', port };
  return { address, timeoutMs: 2000, ticket: NEW_SESSION, trail: { zxid: 0n }, time: systemTime };
}

const open = (options: ConnectionOptions, signal = new AbortController().signal) => Connection.open(options, signal);

const welcome = (timeoutMs = 2000) =>
  new JuteWriter().int(0).int(timeoutMs).long(7n).bytes(Buffer.alloc(16)).bool(false).frame();

/** Greets, and answers every request with a body. */
const answering = (body: (writer: JuteWriter) => JuteWriter) => (socket: Socket) => {
  const cutter = new FrameCutter();
  let greeted = false;
  socket.on('data', (chunk: Buffer) => {
    for (const frame of cutter.cut(chunk)) {
      if (greeted) socket.write(body(new JuteWriter().int(new JuteReader(frame).int()).long(1n).int(0)).frame());
      else socket.write(welcome());
      greeted = true;
    }
  });
};

describe('a connection to somebody who is no ZooKeeper', () => {
  it('fails where nobody answers, within its patience', async () => {
    await expect(open(await impostor(() => {}))).rejects.toThrow('ZooKeeper did not answer within 500 ms');
  });

  it('fails where somebody hangs up, speaks something else, or sends half a frame', async () => {
    await expect(open(await impostor((socket) => socket.destroy()))).rejects.toThrow(HungUp);
    const http = await impostor((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(open(http)).rejects.toThrow('does not speak the protocol of ZooKeeper');
    const half = await impostor((socket) => socket.end(welcome().subarray(0, 20)));
    await expect(open(half)).rejects.toThrow(HungUp);
    const short = await impostor((socket) => socket.write(new JuteWriter().int(0).frame()));
    await expect(open(short)).rejects.toThrow('ends too early');
  });

  it('hears that its session is over', async () => {
    await expect(open(await impostor((socket) => socket.write(welcome(0))))).rejects.toThrow(SessionExpired);
  });

  it('ends with its signal, while it is opened', async () => {
    const end = new AbortController();
    const opening = open(await impostor(() => end.abort()), end.signal);
    await expect(opening).rejects.toThrow('nobody waits');
    await expect(open(await impostor(() => {}), AbortSignal.abort())).rejects.toThrow('nobody waits');
  });

  it('breaks on an answer that is none, and fails whatever waits', async () => {
    const connection = await open(await impostor(answering((writer) => writer.int(1_000_000))));
    await expect(getData(connection, '/a')).rejects.toThrow('ends too early');
    await expect(getChildren(connection, '/a')).rejects.toThrow('ends too early');
    sockets.at(-1)?.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
    await expect(connection.closed).resolves.toMatchObject({ message: expect.stringContaining('does not speak') });
    await expect(getData(connection, '/a')).rejects.toThrow('does not speak');
    await connection.end();
  });

  it('breaks where a server that has greeted says nothing more', async () => {
    const connection = await open(await impostor((socket) => socket.write(welcome())));
    await Promise.all([
      expect(getData(connection, '/a')).rejects.toThrow('did not answer within 500 ms'),
      expect(connection.closed).resolves.toMatchObject({ message: 'ZooKeeper did not answer within 500 ms' }),
    ]);
  });

  it('ends in time where its end is not answered', async () => {
    const connection = await open(await impostor((socket) => socket.resume().write(welcome(60_000))));
    await connection.end();
    await eventually(() => expect(sockets.at(-1)?.destroyed).toBe(true));
  });
});

describe('what was seen of the history of ZooKeeper', () => {
  const hangingUp = async () => (await impostor((socket) => socket.destroy())).address;

  async function seenAfter(addresses: readonly ConnectionOptions['address'][]): Promise<bigint> {
    const trail = { zxid: 5n };
    const dialer = new Dialer({ addresses, timeoutMs: 2000 }, systemTime, () => 0);
    await expect(dialer.dial(NEW_SESSION, trail, new AbortController().signal)).rejects.toThrow();
    return trail.zxid;
  }

  it('is forgotten where all servers hang up, and kept where one of them cannot be reached', async () => {
    const absent = { host: '127.0.0.1', port: await freePort() };
    expect(await seenAfter([await hangingUp(), await hangingUp()])).toBe(0n);
    expect(await seenAfter([await hangingUp(), absent])).toBe(5n);
    expect(await seenAfter([absent, await hangingUp()])).toBe(5n);
  });
});

describe('frames', () => {
  it('come out as they went in, however they are cut', () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 50 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 40 }), (sent, size) => {
        const stream = Buffer.concat(sent.map((text) => new JuteWriter().text(text).long(-5n).bool(true).frame()));
        const cutter = new FrameCutter();
        const got: unknown[] = [];
        for (let at = 0; at < stream.length; at += size) {
          for (const frame of cutter.cut(stream.subarray(at, at + size))) {
            const reader = new JuteReader(frame);
            got.push([reader.text(), reader.long(), reader.bool(), reader.left]);
          }
        }
        expect(got).toEqual(sent.map((text) => [text, -5n, true, 0]));
      }),
      { numRuns: 30 },
    );
  });
});
