import { describe, expect, it } from 'vitest';
import { InteropStage } from './support/interop-stage.js';
import { PEERS } from './support/peers.js';

/** Long enough for six of the keepalives that instances of ours exchange; a server in Go bears two from strangers in 5 min. */
const MS = 60_000;
const TIMEOUT_MS = 120_000;
const ONCE = { tally: { server: 1 }, failed: {} };
const TWICE = { tally: { server: 2 }, failed: {} };

// All of them at once: nearly all of the time, nothing happens.
describe.concurrent('a call of 60 s and a stream that is silent for 60 s', () => {
  const stage = new InteropStage('all');

  for (const peer of PEERS) {
    it(
      `live from Nest to ${peer.name}`,
      async () => {
        const service = stage.service(peer);
        await service.goServer('server');
        const client = await service.nestClient();
        const call = { timeoutMs: TIMEOUT_MS };
        const both = [client.ask({ ms: MS }, call), client.follow({ count: 2, ms: MS }, call)];
        expect(await Promise.all(both)).toEqual([ONCE, TWICE]);
      },
      TIMEOUT_MS,
    );

    it(
      `live from ${peer.name} to Nest`,
      async () => {
        const service = stage.service(peer);
        await service.nestServer('server');
        const client = await service.goClient();
        const both = [client.ask({ ms: MS }), client.follow({ count: 2, ms: MS })];
        expect(await Promise.all(both)).toEqual([ONCE, TWICE]);
      },
      TIMEOUT_MS,
    );
  }
});
