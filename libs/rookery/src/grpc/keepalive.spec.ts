import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../testing/eventually.js';
import { closeAll, fleet } from './discovery.stage.js';

afterEach(closeAll);

const KEEPALIVE_MS = 50;

/** Long enough for a keepalive that is due to have been sent, and to have failed. */
async function keepalives(n: number): Promise<void> {
  const start = performance.now();
  await eventually(() => expect(performance.now() - start).toBeGreaterThan(n * KEEPALIVE_MS));
}

describe('a stream over a connection with keepalives', () => {
  const start = async (peer: boolean) => {
    const { add, entry, client, registry } = fleet();
    const { server, claim } = await add('serves');
    if (!peer) {
      await claim[Symbol.asyncDispose]();
      registry.register(entry({ port: server.port }));
    }
    const made = client({ channelOptions: { 'grpc.keepalive_time_ms': KEEPALIVE_MS } });
    const follow = made['Follow']!.bind(made) as (request: string) => ClientReadableStream<string>;
    const stream = follow('hang');
    const errors: ServiceError[] = [];
    stream.on('error', (error: ServiceError) => errors.push(error));
    await new Promise((resolve) => stream.once('data', resolve));
    return { server, stream, errors };
  };

  it.each([
    ['of ours', true],
    ['foreign', false],
  ])('runs on while its server stops, be it %s', async (_, peer) => {
    const { server, stream, errors } = await start(peer);
    const drained = server.drain();
    await keepalives(8);
    expect(errors).toEqual([]);
    stream.cancel();
    await drained;
  });
});
