import {
  credentials,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  status,
  type ServiceError,
} from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createInstance, type InstanceOptions, type ServiceInstance } from '../core/instance.js';
import type { Registration } from '../core/registration.js';
import type { ServiceView } from '../core/view.js';
import { memory } from '../registries/memory.js';
import { eventually } from '../testing/eventually.js';
import { isCallError, type RookeryCallError } from './call-error.js';
import { channelOptions, type DiscoveryChannelOptions } from './channel-options.js';
import type { RookeryCallOptions } from './capture.js';
import { createDirectory } from './directory.js';
import { withLane } from './lane.js';
import { PEER_SERVICE, type HostedService } from './peer.js';

const text = { serialize: (value: string) => Buffer.from(value), deserialize: (bytes: Buffer) => bytes.toString() };
const WHO = {
  Ask: {
    path: '/who.Who/Ask',
    requestStream: false,
    responseStream: false,
    requestSerialize: text.serialize,
    requestDeserialize: text.deserialize,
    responseSerialize: text.serialize,
    responseDeserialize: text.deserialize,
  },
} as const;

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

/** A gRPC server that answers with its name and, where it is one of ours, says who it is. */
async function startServer(name: string, hosted?: HostedService[], port = 0) {
  const server = new Server();
  let sessions = 0;
  server.addService(WHO, {
    Ask: (call: { request: string }, done: (error: null, value: string) => void) =>
      done(null, `${name}:${call.request}`),
  });
  if (hosted) {
    server.addService(PEER_SERVICE, {
      Hello: (_: unknown, done: (error: null, value: object) => void) => {
        sessions += 1;
        done(null, { version: 1, services: hosted, draining: false });
      },
    });
  }
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, p) =>
      error ? reject(error) : resolve(p),
    ),
  );
  open.push(() => server.forceShutdown());
  return { server, port: bound, hellos: () => sessions, stop: () => server.forceShutdown() };
}

function fleet() {
  const registry = memory();
  const directory = createDirectory(registry);
  open.push(
    () => registry[Symbol.asyncDispose](),
    () => directory[Symbol.asyncDispose](),
  );
  let n = 0;
  const entry = (options: InstanceOptions & { port: number; peer?: number; id?: string }): ServiceInstance => {
    const { port, id = `i${++n}`, ...rest } = options;
    return createInstance({ ...rest, id, generation: `g-${id}`, service: 'who', address: `127.0.0.1:${port}` });
  };
  const add = async (
    name: string,
    options: InstanceOptions = {},
  ): Promise<{ server: Awaited<ReturnType<typeof startServer>>; claim: Registration }> => {
    const id = `i${++n}`;
    const server = await startServer(name, [{ name: 'who', group: options.group ?? '', id, generation: `g-${id}` }]);
    const claim = registry.register(entry({ ...options, port: server.port, peer: 1, id }));
    return { server, claim };
  };
  const dial = (options: DiscoveryChannelOptions = {}) => {
    const Client = makeGenericClientConstructor(WHO, 'Who');
    const client = new Client('discovery:///who', credentials.createInsecure(), channelOptions(directory, options));
    open.push(() => client.close());
    const ask = (callOptions: RookeryCallOptions = {}): Promise<string> =>
      new Promise((resolve, reject) => {
        const method = client['Ask']!.bind(client) as (...args: unknown[]) => void;
        method('hi', callOptions, (error: ServiceError | null, value: string) =>
          error ? reject(error) : resolve(value),
        );
      });
    return ask;
  };
  return { registry, directory, entry, add, dial };
}

async function tally(n: number, ask: () => Promise<string>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < n; i += 1) {
    const name = await ask().then(
      (answer) => answer.split(':')[0]!,
      (error: RookeryCallError) => status[error.code]!,
    );
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** Every server has answered once: from here on the distribution is exact. */
const warm = (ask: () => Promise<string>, names: number) =>
  eventually(async () => expect(Object.keys(await tally(names * 4, ask))).toHaveLength(names));

const known = (view: ServiceView) => (view.status === 'known' ? view.instances : new Map<string, ServiceInstance>());

const failure = (promise: Promise<unknown>): Promise<RookeryCallError> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error as RookeryCallError,
  );

describe('discovery:///', () => {
  it('splits calls exactly by weight', async () => {
    const { add, dial } = fleet();
    await add('a', { weight: 3 });
    await add('b', { weight: 1 });
    const ask = dial();
    await warm(ask, 2);
    expect(await tally(400, ask)).toEqual({ a: 300, b: 100 });
  });

  it('follows weight, group and removal without a new connection', async () => {
    const { add, dial, directory } = fleet();
    const a = await add('a');
    const b = await add('b');
    const ask = dial();
    await warm(ask, 2);
    const told = (id: string, part: object) =>
      eventually(() => expect(known(directory.view('who')).get(id)).toEqual(expect.objectContaining(part)));
    await a.claim.update({ weight: 300 });
    await told(a.claim.instance.id, { weight: 300 });
    expect(await tally(400, ask)).toEqual({ a: 300, b: 100 });
    await a.claim.update({ weight: 0 });
    await told(a.claim.instance.id, { weight: 0 });
    expect(await tally(20, ask)).toEqual({ b: 20 });
    await a.claim.update({ weight: 100, group: 'canary' });
    await told(a.claim.instance.id, { group: 'canary' });
    expect(await tally(20, ask)).toEqual({ b: 20 });
    expect(await tally(20, () => ask({ group: 'canary' }))).toEqual({ a: 20 });
    await b.claim[Symbol.asyncDispose]();
    await eventually(() => expect(known(directory.view('who')).size).toBe(1));
    expect(await tally(20, () => ask({ group: '*' }))).toEqual({ a: 20 });
    expect([a.server.hellos(), b.server.hellos()]).toEqual([1, 1]);
  });

  it('keeps groups apart, falls back along a list, and names the groups that exist', async () => {
    const { add, dial } = fleet();
    await add('a', { group: 'A' });
    await add('plain');
    const ask = dial();
    await eventually(async () => expect(await ask({ group: 'A' })).toBe('a:hi'));
    expect(await tally(20, ask)).toEqual({ plain: 20 });
    expect(await tally(20, () => ask({ group: ['canary', ''] }))).toEqual({ plain: 20 });
    const error = await failure(ask({ group: 'B' }));
    expect(isCallError(error)).toBe(true);
    expect(error).toMatchObject({
      code: status.UNAVAILABLE,
      reason: 'ROOKERY_GROUP_MISSING',
      service: 'who',
      attempts: 0,
    });
    expect(error.details).toContain("no usable instance in group 'B'; present: group 'A' (1), ungrouped (1)");
  });

  it('prefers the group of the lane, and no other call sees it', async () => {
    const { add, dial } = fleet();
    await add('canary', { group: 'canary' });
    await add('plain');
    const ask = dial();
    // A cold channel: the calls are queued and picked in one context, yet each keeps its own lane.
    const answers = await Promise.all([
      withLane('canary', () => ask()),
      ask(),
      withLane('other', () => ask()),
      withLane('canary', () => ask()),
    ]);
    expect(answers.map((answer) => answer.split(':')[0])).toEqual(['canary', 'plain', 'plain', 'canary']);
  });

  it('waits while nothing is known, and fails at once when nothing is there', async () => {
    const { dial, add } = fleet();
    const ask = dial();
    expect(await failure(ask())).toMatchObject({ code: status.UNAVAILABLE, reason: 'ROOKERY_INSTANCE_NONE' });
    const waiting = ask({ waitForReady: true, timeoutMs: 5000 });
    await add('late');
    expect(await waiting).toBe('late:hi');
  });

  it('gives a group that is only connecting a quarter of the time, then moves on', async () => {
    const { registry, entry, add, dial } = fleet();
    await add('plain');
    // Accepts connections and says nothing: neither connected nor failed.
    const { createServer } = await import('node:net');
    const mute = createServer().listen(0, '127.0.0.1');
    open.push(() => mute.close());
    await new Promise((resolve) => mute.once('listening', resolve));
    registry.register(entry({ port: (mute.address() as { port: number }).port, peer: 1, group: 'canary' }));
    const ask = dial();
    expect(await ask()).toBe('plain:hi');
    expect(await ask({ group: ['canary', ''] })).toBe('plain:hi');
  });

  it('never reaches another group or service that took over an address', async () => {
    const { registry, entry, add, dial } = fleet();
    const first = await add('first', { group: 'A' });
    await add('stays', { group: 'A' });
    const ask = () => dialed({ group: 'A' });
    const dialed = dial();
    await warm(ask, 2);
    const { port } = first.server;
    first.server.stop();
    const thief = await startServer('thief', [{ name: 'who', group: 'B', id: 'x', generation: 'x' }], port);
    // A call that was on its way when the first one died may fail; none may be answered by anybody else.
    expect(Object.keys(await tally(50, ask)).filter((name) => name !== 'CANCELLED' && name !== 'UNAVAILABLE')).toEqual([
      'stays',
    ]);
    expect(await tally(50, ask)).toEqual({ stays: 50 });
    expect(thief.hellos()).toBe(1);
    thief.stop();
    await startServer('other', [{ name: 'orders', group: 'A', id: 'y', generation: 'y' }], port);
    expect(await tally(50, ask)).toEqual({ stays: 50 });
    registry.register(entry({ port, peer: 1, group: 'B', id: 'x2' }));
    expect(await tally(50, ask)).toEqual({ stays: 50 });
  });

  it('does not ask foreign servers who they are', async () => {
    const { registry, entry, dial } = fleet();
    const { port } = await startServer('foreign');
    registry.register(entry({ port }));
    expect(await dial()()).toBe('foreign:hi');
  });

  it('says how the default deadline is changed', async () => {
    const { registry, entry, dial } = fleet();
    const { port } = await startServer('foreign');
    registry.register(entry({ port, group: 'other' }));
    const error = await failure(dial({ timeoutMs: 50, waitForReady: true })());
    expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED, reason: 'ROOKERY_CALL_TIMEOUT' });
    expect(error.message).toContain('the default of 50 ms: set timeoutMs');
  });

  it('says what is missing where a channel has no directory', async () => {
    const Client = makeGenericClientConstructor(WHO, 'Who');
    fleet().dial();
    const client = new Client('discovery:///who', credentials.createInsecure(), {
      'grpc.service_config_disable_resolution': 1,
    });
    open.push(() => client.close());
    const error = await failure(
      new Promise((resolve, reject) =>
        (client['Ask']!.bind(client) as (...args: unknown[]) => void)('hi', (e: Error | null) =>
          e ? reject(e) : resolve(0),
        ),
      ),
    );
    expect(error.details).toContain('channelOptions(directory)');
  });
});
