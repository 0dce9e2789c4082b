import { Metadata } from '@grpc/grpc-js';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../testing/eventually.js';
import { asking, closeAll, fleet } from './discovery.stage.js';
import { serveCall } from './incoming-call.js';
import { currentContext } from './request-context.js';

afterEach(closeAll);

it('what the first call of a channel starts runs outside of its request', async () => {
  const { add, client, registry } = fleet();
  await add('a');
  const seen: unknown[] = [];
  const later: Promise<string>[] = [];
  const ask = asking(client());
  registry.events.on((event) => {
    seen.push(currentContext());
    // Not of the client that closes at the end: what it asks then is too late.
    if (event.type === 'endpoint.changed' && event.previous === 'ready' && event.state !== 'idle') later.push(ask());
  });
  const incoming = { metadata: new Metadata(), getDeadline: () => Date.now() + 10_000, emit: () => true };
  incoming.metadata.set('rookery-lane', 'canary');
  expect(await serveCall(incoming, undefined, () => ask())).toBe('a:hi');
  const { server } = await add('b');
  await eventually(async () => expect(await ask()).toBe('b:hi'));
  server.stop();
  await eventually(() => expect(later).not.toHaveLength(0));
  expect(await later[0]).toMatch(/^[ab]:hi$/);
  expect(seen.filter((context) => context !== undefined)).toEqual([]);
});

it('a sink of events that throws is nobody else’s fault', async () => {
  const { add, client } = fleet();
  await add('a');
  const emit = () => {
    throw new Error('of the user');
  };
  expect(await asking(client({ emit }))()).toBe('a:hi');
});
