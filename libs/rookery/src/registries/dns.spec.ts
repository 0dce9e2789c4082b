import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../core/event.js';
import type { Registry } from '../core/registry.js';
import { Observer } from '../testing/conformance/observer.js';
import { eventually } from '../testing/eventually.js';
import type { Time } from '../core/time.js';
import { systemTime } from '../system/time.js';
import { fakeTime, type FakeTime } from '../testing/fake-time.js';
import { startDns, type DnsServerProcess, type DnsZone } from '../testing/faults/dns-server.js';
import { registryConformance } from '../testing/registry-conformance.js';
import { dns, type DnsNames, type DnsOptions } from './dns.js';

const DOMAIN = 'svc.test';
const HOSTS = { 'a.svc.test': ['10.0.0.1'], 'b.svc.test': ['10.0.0.2'], 'c.svc.test': ['10.0.0.3'] };
const NAME = '_grpc._tcp.<service>.svc.test';

type Srv = NonNullable<DnsZone['srv']>[number];
const srv = (letter: string, weight = 0, priority = 0, name = '_grpc._tcp.users.svc.test'): Srv => ({
  name,
  target: `${letter}.svc.test`,
  port: 50051,
  weight,
  priority,
});

let server: DnsServerProcess;
let opened: AsyncDisposable[] = [];

beforeAll(async () => {
  server = await startDns({ domain: DOMAIN });
});
afterEach(async () => {
  for (const each of opened) await each[Symbol.asyncDispose]();
  opened = [];
});
afterAll(() => server[Symbol.asyncDispose]());

function serve(zone: Partial<DnsZone>): Promise<void> {
  return server.serve({ domain: DOMAIN, hosts: HOSTS, ...zone });
}

function registryOf(names: DnsNames = NAME, options: DnsOptions = {}): Registry {
  const registry = dns(names, { servers: [server.host], search: [], ...options });
  opened.push(registry);
  return registry;
}

async function observe(registry = registryOf(), service = 'users'): Promise<Observer> {
  const observer = new Observer(registry, service);
  opened.push({ [Symbol.asyncDispose]: () => observer.stop() });
  return observer.ready();
}

const weights = ({ instances }: Observer) =>
  Object.fromEntries(instances.map(({ address, weight }) => [address.replace(':50051', ''), weight]));

/** Only the time between two looks is moved by hand: answers come over a real network, and have until the timeout. */
function looksBy(time: FakeTime): Time {
  return { now: () => time.now(), after: (ms, fn) => (ms === 2000 ? systemTime : time).after(ms, fn) };
}

/** Lets the interval pass, as often as it takes: the answers come over a real network. */
async function later(time: FakeTime, observer: Observer, expected: Record<string, number>): Promise<void> {
  await eventually(async () => {
    await time.advanceAsync(5000);
    expect(observer.error).toBeUndefined();
    expect(weights(observer)).toEqual(expected);
  });
}

describe('dns conforms:', () => {
  const make = async () => {
    await serve({ srv: [srv('b'), srv('a')] });
    const registry = registryOf();
    return {
      registry,
      known: { service: 'users', ids: ['10.0.0.1:50051', '10.0.0.2:50051'] },
      dispose: async () => registry[Symbol.asyncDispose](),
    };
  };
  for (const { name, run } of registryConformance(make, { readOnly: true })) it(name, run);
});

describe('SRV records', () => {
  it('are foreign instances by address, with their weights', async () => {
    await serve({ srv: [srv('a', 60), srv('b', 20)] });
    const [a, b] = (await observe(registryOf(NAME, { secure: true }))).instances;
    expect(a).toMatchObject({ id: '10.0.0.1:50051', service: 'users', weight: 60, peer: 0, secure: true, group: '' });
    expect(b).toMatchObject({ address: '10.0.0.2:50051', weight: 20 });
  });

  it('are followed: one joins, one changes its weight, one goes and is lost', async () => {
    const time = fakeTime();
    await serve({ srv: [srv('a', 10), srv('b', 20)] });
    const observer = await observe(registryOf(NAME, { time: looksBy(time) }));
    await serve({ srv: [srv('a', 30), srv('b', 20), srv('c', 5)] });
    await later(time, observer, { '10.0.0.1': 30, '10.0.0.2': 20, '10.0.0.3': 5 });
    await serve({ srv: [srv('a', 30), srv('c', 5)] });
    await later(time, observer, { '10.0.0.1': 30, '10.0.0.3': 5 });
    expect(observer.deltas.filter(({ type }) => type === 'removed')).toMatchObject([
      { instance: { id: '10.0.0.2:50051' }, cause: 'lost' },
    ]);
  });

  it('of a worse priority wait until there is no better one, and leave when there is one again', async () => {
    const time = fakeTime();
    await serve({ srv: [srv('a', 0, 10), srv('b', 0, 20), srv('c', 0, 30)] });
    const observer = await observe(registryOf(NAME, { time: looksBy(time) }));
    expect(weights(observer)).toEqual({ '10.0.0.1': 100 });
    await serve({ srv: [srv('b', 0, 20), srv('c', 0, 30)] });
    await later(time, observer, { '10.0.0.2': 100 });
    await serve({ srv: [srv('a', 0, 10), srv('b', 0, 20), srv('c', 0, 30)] });
    await later(time, observer, { '10.0.0.1': 100 });
    expect(observer.deltas.filter(({ type }) => type === 'removed')).toMatchObject([
      { instance: { id: '10.0.0.1:50051' }, cause: 'lost' },
      { instance: { id: '10.0.0.2:50051' }, cause: 'left' },
    ]);
  });

  it('whose target has several addresses share its weight among them, and a family takes its own', async () => {
    const hosts = { ...HOSTS, 'a.svc.test': ['10.0.0.1', 'fd00::1'] };
    await serve({ srv: [srv('a', 50), srv('b', 50)], hosts });
    expect(weights(await observe())).toEqual({ '10.0.0.1': 25, '10.0.0.2': 50, '[fd00::1]': 25 });
    expect(weights(await observe(registryOf(NAME, { family: 4 })))).toEqual({ '10.0.0.1': 100, '10.0.0.2': 100 });
    expect(weights(await observe(registryOf(NAME, { family: 6 })))).toEqual({ '[fd00::1]': 100 });
  });

  it('come whole where they do not fit into a datagram', async () => {
    const hosts = Object.fromEntries(
      Array.from({ length: 500 }, (_, i) => [`t${i}.svc.test`, [`10.1.${i >> 8}.${i & 255}`]]),
    );
    await serve({ srv: Array.from({ length: 500 }, (_, i) => srv(`t${i}`, 1 + (i % 2))), hosts });
    const { instances } = await observe();
    expect(instances).toHaveLength(500);
    expect(new Set(instances.map(({ weight }) => weight))).toEqual(new Set([1, 2]));
  });

  it('whose target has no address, or port 0, are told once and left out alone', async () => {
    const time = fakeTime();
    await serve({ srv: [srv('a'), srv('nobody'), { ...srv('b'), port: 0 }] });
    const registry = registryOf(NAME, { time: looksBy(time) });
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    const observer = await observe(registry);
    expect(weights(observer)).toEqual({ '10.0.0.1': 100 });
    await serve({ srv: [srv('a'), srv('c'), srv('nobody'), { ...srv('b'), port: 0 }] });
    await later(time, observer, { '10.0.0.1': 100, '10.0.0.3': 100 });
    expect(events.map(({ type }) => type)).toEqual(['entry.malformed', 'entry.malformed']);
  });
});

describe('a name with a port', () => {
  it('has an instance per address, of equal weight, IPv6 in brackets', async () => {
    await serve({ hosts: { 'users.svc.test': ['10.0.0.9', '10.0.0.8', 'fd00::1'] } });
    const observer = await observe(registryOf('<service>.svc.test:7000'));
    expect(observer.instances.map(({ id, weight }) => [id, weight])).toEqual([
      ['10.0.0.8:7000', 100],
      ['10.0.0.9:7000', 100],
      ['[fd00::1]:7000', 100],
    ]);
  });

  it('may be an alias', async () => {
    await serve({ hosts: { 'real.svc.test': ['10.0.0.9'] }, aliases: { 'users.svc.test': 'real.svc.test' } });
    expect((await observe(registryOf('users.svc.test:1'))).ids).toEqual(['10.0.0.9:1']);
  });

  it('is completed by the search domains, unless it ends with a dot', async () => {
    await serve({ hosts: { 'users.svc.test': ['10.0.0.9'] } });
    const options = { search: ['elsewhere.test', 'svc.test'], ndots: 5 };
    expect((await observe(registryOf('<service>:1', options))).ids).toEqual(['10.0.0.9:1']);
    expect((await observe(registryOf('users.svc:1', { search: ['test'] }))).ids).toEqual(['10.0.0.9:1']);
    const absolute = new Observer(registryOf('users.:1', options), 'users');
    await eventually(() => expect(absolute.error).toMatchObject({ code: 'ROOKERY_REGISTRY_REFUSED' }));
  });

  it('that means this machine is not asked for', async () => {
    expect((await observe(registryOf('localhost:1'))).ids).toEqual(['127.0.0.1:1']);
    expect((await observe(registryOf('a.localhost:1', { family: 6 }))).ids).toEqual(['[::1]:1']);
  });

  it('of one service alone leaves the others empty', async () => {
    await serve({});
    const registry = registryOf({ users: 'a.svc.test:1', orders: '_grpc._tcp.<service>.svc.test' });
    expect((await observe(registry)).ids).toEqual(['10.0.0.1:1']);
    expect((await observe(registry, 'orders')).ids).toEqual([]);
    expect((await observe(registry, 'others')).ids).toEqual([]);
  });
});

describe('a name that does not exist', () => {
  it('is a service without instances, and is followed until it does', async () => {
    const time = fakeTime();
    await serve({});
    const observer = await observe(registryOf(NAME, { time: looksBy(time) }));
    expect(observer.batches).toEqual([[{ type: 'reset', instances: [] }]]);
    await serve({ srv: [srv('a')] });
    await later(time, observer, { '10.0.0.1': 100 });
    await serve({});
    await later(time, observer, {});
    expect(observer.deltas.at(-1)).toMatchObject({ type: 'removed', cause: 'lost' });
  });
});

describe('the time to live', () => {
  it.each([
    ['of the answer', 7, {}, 7000],
    ['is no less than minTtlMs', 0, { minTtlMs: 3000 }, 3000],
    ['is no more than maxTtlMs', 3600, { maxTtlMs: 9000 }, 9000],
  ])('%s', async (_title, ttlSeconds, options, expected) => {
    const time = fakeTime();
    await serve({ srv: [srv('a')], ttlSeconds });
    const observer = await observe(registryOf(NAME, { time: looksBy(time), ...options }));
    await eventually(() => expect(time.timers).toBe(1));
    await serve({ srv: [srv('b')], ttlSeconds });
    await time.advanceAsync(expected - 1);
    expect(time.timers).toBe(1);
    await time.advanceAsync(1);
    await observer.until(() => expect(weights(observer)).toEqual({ '10.0.0.2': 100 }));
  });
});

describe('the registry', () => {
  it('takes no registrations, and nothing once it is closed', async () => {
    const registry = registryOf();
    expect(() => registry.register({} as never)).toThrow('ROOKERY_REGISTRY_READONLY');
    const before = await observe(registry);
    await registry[Symbol.asyncDispose]();
    await eventually(() => expect(before.error).toMatchObject({ code: 'ROOKERY_REGISTRY_CLOSED' }));
    const after = new Observer(registry, 'users');
    await eventually(() => expect(after.error).toMatchObject({ code: 'ROOKERY_REGISTRY_CLOSED' }));
  });

  it.each([
    [NAME, `dns:${NAME}`],
    [{ a: 'b.test:1', c: '_d._tcp.e' }, 'dns:a=b.test:1;c=_d._tcp.e'],
  ])('is called by what it asks for: %j', (names, name) => {
    expect(dns(names).name).toBe(name);
  });
});
