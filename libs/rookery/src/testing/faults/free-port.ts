import { createServer } from 'node:net';

/** The ports that are given out: below the range from which systems take the ports of outgoing connections. */
const FIRST = 10_000;
const COUNT = 22_000;

/** What this process was given already: who has one may not listen on it yet, or be down just now. */
const given = new Set<number>();

/**
 * A port of the loopback interface that nobody listens on, for a server that must come back on the same one. Inside the
 * range of outgoing connections, a client that reconnects can connect to itself, and the server finds its port taken.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
