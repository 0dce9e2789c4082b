import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../eventually.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

let echo: Server;
let proxy: TcpProxy;
const clients: Socket[] = [];

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await startTcpProxy(`127.0.0.1:${(echo.address() as { port: number }).port}`);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.stop();
  echo.close();
});

/** A client, what it has heard, and how it ended. */
function dial() {
  const [host, port] = proxy.host.split(':');
  const socket = connect(Number(port), host);
  clients.push(socket);
  const link = { heard: '', ended: '', say: (text: string) => void socket.write(text) };
  socket.on('data', (data) => (link.heard += data.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (link.ended = error.code!));
  return link;
}

async function connected() {
  const link = dial();
  link.say('a');
  await eventually(() => expect(link.heard).toBe('a'));
  return link;
}

describe('a proxy', () => {
  it('carries what is said, and counts connections', async () => {
    await connected();
    await connected();
    expect(proxy.accepted).toBe(2);
  });

  it('does not count whom the server refuses', async () => {
    const before = await connected();
    echo.close();
    dial();
    await once(clients.at(-1)!, 'close');
    expect(proxy.accepted).toBe(1);
    before.say('b');
    await eventually(() => expect(before.heard).toBe('ab'));
  });

  it('cut: resets who is there and who comes, until it is healed', async () => {
    const before = await connected();
    proxy.cut();
    const during = dial();
    await eventually(() => expect([before.ended, during.ended]).toEqual(['ECONNRESET', 'ECONNRESET']));
    proxy.heal();
    await connected();
  });

  it('a black hole: carries nothing, and delivers it once it is healed', async () => {
    const before = await connected();
    proxy.blackHole();
    const during = dial();
    before.say('b');
    during.say('c');
    await eventually(() => expect(proxy.accepted).toBe(2));
    expect([before.heard, during.heard]).toEqual(['a', '']);
    proxy.heal();
    await eventually(() => expect([before.heard, during.heard]).toEqual(['ab', 'c']));
  });

  it('half open: tells nobody, and resets once it is healed', async () => {
    const before = await connected();
    proxy.halfOpen();
    const during = dial();
    before.say('b');
    during.say('c');
    await eventually(() => expect(proxy.accepted).toBe(2));
    expect([before.ended, during.ended, before.heard, during.heard]).toEqual(['', '', 'a', '']);
    proxy.heal();
    await eventually(() => expect([before.ended, during.ended]).toEqual(['ECONNRESET', 'ECONNRESET']));
  });

  it('delays what is said, and keeps its order when it stops', async () => {
    const link = await connected();
    proxy.delay(200);
    const sent = performance.now();
    link.say('b');
    await eventually(() => expect(link.heard).toBe('ab'));
    expect(performance.now() - sent).toBeGreaterThan(390);
    link.say('c');
    proxy.heal();
    link.say('d');
    await eventually(() => expect(link.heard).toBe('abcd'));
  });
});
