import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { turns } from './streams-stage.js';

const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;
const END_STREAM = 1;
const DATA = 0;

export interface FrameProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
}

/**
 * Stands before a server at a path, as a network does that has all the time in the world: every frame of a client arrives
 * alone, and many turns after the one before it.
 * @param ends whether it arrives that a client has sent everything
 */
export async function startFrameProxy(path: string, ends: boolean): Promise<FrameProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(path);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    upstream.pipe(client);
    void forward(client, upstream, ends);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function forward(client: Socket, upstream: Socket, ends: boolean): Promise<void> {
  let head = PREFACE_BYTES;
  let rest = Buffer.alloc(0);
  try {
    for await (const chunk of client) {
      rest = Buffer.concat([rest, chunk as Buffer]);
      for (;;) {
        const size = head || (rest.length < HEAD_BYTES ? Infinity : HEAD_BYTES + rest.readUIntBE(0, 3));
        if (rest.length < size) break;
        const bytes = rest.subarray(0, size);
        rest = rest.subarray(size);
        if (head > 0 || ends || !endsStream(bytes)) upstream.write(bytes);
        head = 0;
        await turns(50);
      }
    }
  } catch {
    // The connection is gone.
  }
  upstream.destroy();
}

function endsStream(frame: Buffer): boolean {
  return frame[3] === DATA && (frame[4]! & END_STREAM) !== 0;
}
