import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../core/event.js';
import { eventually } from '../testing/eventually.js';
import { fakeTime } from '../testing/fake-time.js';
import type { DiscoveryChannelOptions } from './channel-options.js';
import { asking, closeAll, failure, fleet, startServer, tally, warm } from './discovery.stage.js';
import { stagedHealth, type StagedHealthOptions } from './health.stage.js';

afterEach(closeAll);

const PLAIN = new Set(['connecting', 'idle']);

/** The service `who`, whose clients watch the health of its servers, and what they tell. */
function healthFleet() {
  const { client, ...stage } = fleet();
  const log: string[] = [];
  const errors: string[] = [];
  const emit = (event: RookeryEvent) => {
    // That they are dialled, and dropped, is another matter.
    if (event.type === 'endpoint.changed' && !PLAIN.has(event.state)) log.push(`${event.state} ${event.id}`);
    if (event.type === 'endpoint.changed' && event.error) errors.push(event.error);
    if (event.type === 'health.unchecked') log.push(`unchecked ${event.id}`);
  };
  const connect = (options: DiscoveryChannelOptions = {}) => client({ emit, healthCheck: true, ...options });
  return { ...stage, log, errors, connect, dial: (options?: DiscoveryChannelOptions) => asking(connect(options)) };
}

describe('a client that watches health', () => {
  it('gives no call to who says NOT_SERVING, and gives them back over the same connection', async () => {
    const { add, dial } = healthFleet();
    const health = stagedHealth({ who: 'SERVING' });
    const a = await add('a', {}, { health });
    await add('b', {}, { health: stagedHealth({ who: 'SERVING' }) });
    const ask = dial();
    await warm(ask, 2);
    health.set('who', 'NOT_SERVING');
    await eventually(async () => expect(await tally(10, ask)).toEqual({ b: 10 }));
    health.set('who', 'SERVING');
    await warm(ask, 2);
    expect(await tally(20, ask)).toEqual({ a: 10, b: 10 });
    expect([a.server.hellos(), a.server.connections(), health.asked]).toEqual([1, 1, ['who']]);
  });

  it.each([
    ['NOT_SERVING', { who: 'NOT_SERVING' }],
    ['SERVICE_UNKNOWN', { '': 'SERVING' }],
    ['UNKNOWN', { who: 'UNKNOWN' }],
  ] as const)('gives no call to who begins with %s, until it says SERVING', async (said, statuses) => {
    const { add, dial, errors } = healthFleet();
    const health = stagedHealth(statuses);
    const { server } = await add('a', {}, { health });
    await add('b', {}, { health: stagedHealth({ who: 'SERVING' }) });
    const ask = dial();
    expect(await ask()).toBe('b:hi');
    await eventually(() => expect(errors).toEqual([`it says ${said} to the health check of "who"`]));
    expect(await tally(20, ask)).toEqual({ b: 20 });
    expect(server.calls()).toBe(0);
    health.set('who', 'SERVING');
    await warm(ask, 2);
  });

  it('fails calls at once where nobody serves, and says why; those that wait for readiness wait', async () => {
    const { add, dial, log } = healthFleet();
    const healths = [stagedHealth({ who: 'NOT_SERVING' }), stagedHealth({})];
    for (const health of healths) await add('a', {}, { health });
    const ask = dial();
    const error = await failure(ask());
    expect(error).toMatchObject({ code: status.UNAVAILABLE, reason: 'ROOKERY_GROUP_MISSING', attempts: 0 });
    await eventually(() => expect(log).toEqual(expect.arrayContaining(['unhealthy i1', 'unhealthy i2'])));
    expect((await failure(ask())).details).toMatch(
      /^who: no usable instance in ungrouped; present: ungrouped \(2, 2 unhealthy\)\. Last error: it says \w+ to the health check of "who"\.$/,
    );
    const waiting = ask({ waitForReady: true });
    healths[0]!.set('who', 'SERVING');
    expect(await waiting).toBe('a:hi');
  });

  it('takes a server without a health service for healthy, and says so once a connection', async () => {
    const { registry, entry, add, dial, log } = healthFleet();
    const { claim } = await add('peer');
    const { port } = await startServer('foreign');
    registry.register(entry({ port, id: 'foreign' }));
    await warm(dial(), 2);
    const { id } = claim.instance;
    expect(log.filter((line) => line.endsWith(id))).toEqual([`verifying ${id}`, `unchecked ${id}`, `ready ${id}`]);
    expect(log.filter((line) => line.startsWith('unchecked'))).toHaveLength(2);
  });

  it.each<[string, StagedHealthOptions]>([
    ['is no protobuf', { bytes: Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff]) }],
    ['is too long', { bytes: Buffer.alloc(2000) }],
    ['is empty', { bytes: Buffer.alloc(0) }],
    ['is a number that nobody knows', { bytes: Buffer.from([0x08, 0x63]) }],
  ])('gives no call to who sends what %s, and the others serve', async (_, options) => {
    const { add, dial, log } = healthFleet();
    const { server } = await add('garbage', {}, { health: stagedHealth({ who: 'SERVING' }, options) });
    await add('good', {}, { health: stagedHealth({ who: 'SERVING' }) });
    const ask = dial();
    expect(await ask()).toBe('good:hi');
    await eventually(() => expect(log).toContain('unhealthy i1'));
    expect(await tally(20, ask)).toEqual({ good: 20 });
    expect([server.calls(), server.hellos()]).toEqual([0, 1]);
  });

  it('counts who does not answer in 2 s as unhealthy, until he does', async () => {
    const { registry, entry, dial, errors } = healthFleet();
    const time = fakeTime();
    const health = stagedHealth({ '': 'SERVING' }, { silent: true });
    const { port } = await startServer('mute', undefined, { health });
    registry.register(entry({ port }));
    const ask = dial({ time });
    const waiting = failure(ask());
    await eventually(() => {
      time.advance(0);
      expect(health.asked).toEqual(['']);
    });
    time.advance(1999);
    expect(errors).toEqual([]);
    time.advance(1);
    expect(errors).toEqual(['no answer to the health check in 2000 ms']);
    expect(await waiting).toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
    health.answer();
    expect(await ask({ waitForReady: true })).toBe('mute:hi');
    // What looks after running calls, and at what came of them, sees that there are none.
    time.advance(10_000);
    expect(time.timers).toBe(0);
  });

  it.each([
    ['true', true, 'who', ''],
    ['a text', 'all.Things', 'all.Things', 'all.Things'],
    ["''", '', '', ''],
  ])('that says %s asks peers and foreign servers about a name', async (_, healthCheck, atPeer, atForeign) => {
    const { registry, entry, add, dial } = healthFleet();
    const healths = [stagedHealth({ [atPeer]: 'SERVING' }), stagedHealth({ [atForeign]: 'SERVING' })] as const;
    await add('peer', {}, { health: healths[0] });
    const { port } = await startServer('foreign', undefined, { health: healths[1] });
    registry.register(entry({ port }));
    await warm(dial({ healthCheck }), 2);
    expect(healths.map(({ asked }) => asked)).toEqual([[atPeer], [atForeign]]);
  });

  it.each([false, undefined])('asks nobody where the option is %s', async (healthCheck) => {
    const { add, dial } = healthFleet();
    const health = stagedHealth({ who: 'NOT_SERVING' });
    await add('a', {}, { health });
    expect(await dial({ healthCheck } as DiscoveryChannelOptions)()).toBe('a:hi');
    expect(health.asked).toEqual([]);
  });

  it('refuses an option that is neither', () => {
    expect(() => healthFleet().dial({ healthCheck: 1 as never })).toThrow(
      expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path: 'channelOptions.healthCheck' }),
    );
  });
});

describe('a health watch that ends', () => {
  it.each([
    ['with OK', undefined],
    ['with an error', { code: status.INTERNAL, details: 'oops' }],
  ])('%s is opened again on the same connection; meanwhile calls wait', async (_, error) => {
    const { add, dial, log } = healthFleet();
    const health = stagedHealth({ who: 'SERVING' });
    const { server } = await add('a', {}, { health });
    const ask = dial();
    expect(await ask()).toBe('a:hi');
    health.end(error);
    await eventually(() => expect(health.asked).toEqual(['who', 'who']));
    expect(await ask()).toBe('a:hi');
    expect([server.hellos(), server.connections(), health.open()]).toEqual([1, 1, 1]);
    expect(log).toEqual(['verifying i1', 'ready i1', 'verifying i1', 'ready i1']);
  });

  it('before it has answered keeps its instance out of rotation, and is tried with backoff', async () => {
    const { add, dial, errors } = healthFleet();
    const health = stagedHealth({ who: 'SERVING' }, { silent: true });
    await add('a', {}, { health });
    const ask = dial({ random: () => 0.5 });
    const refuse = async () => {
      await eventually(() => expect(health.open()).toBe(1));
      health.end({ code: status.PERMISSION_DENIED, details: 'not for you' });
    };
    const failed = failure(ask());
    await refuse();
    expect((await failed).details).toContain('Last error: its health check ended with PERMISSION_DENIED: not for you.');
    await refuse();
    await eventually(() => expect(health.asked).toHaveLength(3));
    expect(errors).toHaveLength(1);
  });

  it('with its server is no fault of the others, and begins anew with the next connection', async () => {
    const { add, dial } = healthFleet();
    const { server, claim } = await add('a', {}, { health: stagedHealth({ who: 'SERVING' }) });
    await add('b', {}, { health: stagedHealth({ who: 'SERVING' }) });
    const ask = dial();
    await warm(ask, 2);
    server.stop();
    await eventually(async () => expect(await tally(10, ask)).toEqual({ b: 10 }));
    const { id, group, generation } = claim.instance;
    const health = stagedHealth({ who: 'NOT_SERVING' });
    await startServer('back', [{ name: 'who', id, group, generation }], { port: server.port, health });
    await eventually(() => expect(health.open()).toBe(1));
    expect(await tally(10, ask)).toEqual({ b: 10 });
    health.set('who', 'SERVING');
    await warm(ask, 2);
  });

  it('does not keep a server from its end: the client leaves when the server says that it goes', async () => {
    const { add, dial } = healthFleet();
    const health = stagedHealth({ who: 'SERVING' });
    const { server } = await add('a', {}, { health });
    expect(await dial()()).toBe('a:hi');
    expect(health.open()).toBe(1);
    await server.drain();
    expect(health.open()).toBe(0);
  });

  it('is what close() of the client does, and the removal of an instance', async () => {
    const { add, connect } = healthFleet();
    const healths = [stagedHealth({ who: 'SERVING' }), stagedHealth({ who: 'NOT_SERVING' })] as const;
    const { claim } = await add('a', {}, { health: healths[0] });
    await add('b', {}, { health: healths[1] });
    const client = connect();
    const other = connect();
    expect(await asking(client)({}, new Metadata())).toBe('a:hi');
    expect(await asking(other)()).toBe('a:hi');
    const open = () => healths.map((health) => health.open());
    await eventually(() => expect(open()).toEqual([2, 2]));
    client.close();
    await eventually(() => expect(open()).toEqual([1, 1]));
    await claim[Symbol.asyncDispose]();
    await eventually(() => expect(open()).toEqual([0, 1]));
    other.close();
    await eventually(() => expect(open()).toEqual([0, 0]));
  });
});
