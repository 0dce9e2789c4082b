import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RookeryEvent } from '../core/event.js';
import type { Registry } from '../core/registry.js';
import type { Time } from '../core/time.js';
import { systemTime } from '../system/time.js';
import { Observer } from '../testing/conformance/observer.js';
import { eventually } from '../testing/eventually.js';
import { fakeTime, type FakeTime } from '../testing/fake-time.js';
import { registryConformance } from '../testing/registry-conformance.js';
import { json, ListServer, type Handler } from './http/http.stage.js';
import { http, type HttpOptions } from './http.js';

const TIMEOUT_MS = 4000;

let server: ListServer;
let opened: AsyncDisposable[];
let time: FakeTime;

beforeEach(async () => {
  time = fakeTime();
  opened = [(server = await ListServer.start())];
});
afterEach(async () => {
  for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
});

/** Only the time between two looks is moved by hand: answers come over a real connection, and have until the timeout. */
function looksBy(fake: FakeTime): Time {
  return {
    now: () => fake.now(),
    after: (ms, fn) => (ms % 1000 === 0 && ms !== TIMEOUT_MS ? fake : systemTime).after(ms, fn),
  };
}

function registryOf(path = '/list?service=<service>', options: HttpOptions = {}): Registry {
  const registry = http(server.origin + path, {
    time: looksBy(time),
    random: () => 0.5,
    timeoutMs: TIMEOUT_MS,
    ...options,
  });
  opened.push(registry);
  return registry;
}

function observe(registry = registryOf(), service = 'users'): Promise<Observer> {
  const observer = new Observer(registry, service);
  opened.push({ [Symbol.asyncDispose]: () => observer.stop() });
  return observer.ready();
}

/** The next look comes. */
async function later(ms = 5000): Promise<void> {
  const before = server.requests.length;
  await eventually(() => expect(time.timers).toBeGreaterThan(0));
  await time.advanceAsync(ms);
  await eventually(() => expect(server.requests.length).toBeGreaterThan(before));
}

const entry = (n: number, more: object = {}) => ({ address: `10.0.0.${n}:1`, ...more });
const lists = ({ instances }: Observer) => instances.map(({ address, weight }) => [address, weight]);

describe('http conforms:', () => {
  const make = async () => {
    server.handle = (request, response) =>
      json(request.url?.endsWith('service=users') ? [entry(2), entry(1)] : [])(request, response);
    const registry = registryOf();
    const dispose = async () => registry[Symbol.asyncDispose]();
    return { registry, known: { service: 'users', ids: ['10.0.0.2-1', '10.0.0.1-1'] }, secrets: ['hunter2'], dispose };
  };
  for (const { name, run } of registryConformance(make, { readOnly: true })) it(name, run);
});

describe('a list', () => {
  it.each([
    ['an array', [entry(1), '10.0.0.2:1']],
    ['an array that names the service', [entry(1, { service: 'users' }), entry(2), entry(3, { service: 'others' })]],
    ['an object by service', { users: [entry(1), entry(2)], others: [entry(3)] }],
    ['an object with instances', { instances: [entry(1), entry(2)], index: 7 }],
  ])('may be %s', async (_title, body) => {
    server.handle = json(body);
    expect(lists(await observe())).toEqual([
      ['10.0.0.1:1', 100],
      ['10.0.0.2:1', 100],
    ]);
  });

  it('of all services stands at one URL', async () => {
    server.handle = json([entry(1, { service: 'users' }), entry(2, { service: 'orders' }), entry(3)]);
    const registry = registryOf('/all.json');
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    expect(lists(await observe(registry))).toEqual([['10.0.0.1:1', 100]]);
    expect(lists(await observe(registry, 'orders'))).toEqual([['10.0.0.2:1', 100]]);
    expect(lists(await observe(registry, 'nobody'))).toEqual([]);
    expect(events[0]).toMatchObject({ type: 'entry.malformed', place: `${server.origin}/all.json[2].service` });
  });

  it('of all services is asked for once, whoever watches, and again when the last one has gone', async () => {
    server.handle = json({ users: [entry(1)], orders: [entry(2)] }, { etag: '"1"' });
    const registry = registryOf('/all.json');
    const observers = await Promise.all(['users', 'orders', 'others'].map((service) => observe(registry, service)));
    expect(observers.map(({ ids }) => ids)).toEqual([['10.0.0.1-1'], ['10.0.0.2-1'], []]);
    expect(server.requests).toHaveLength(1);
    server.handle = json({ users: [entry(3)], orders: [entry(4)] }, { etag: '"2"' });
    await eventually(() => expect(time.timers).toBe(3));
    await time.advanceAsync(5000);
    await observers[1]!.until(() =>
      expect(observers.map(({ ids }) => ids[0])).toEqual(['10.0.0.3-1', '10.0.0.4-1', undefined]),
    );
    expect(server.requests).toHaveLength(2);
    await Promise.all(observers.map((observer) => observer.stop()));
    expect((await observe(registry)).ids).toEqual(['10.0.0.3-1']);
    expect(server.requests).toHaveLength(3);
    expect(server.requests[2]!.headers['if-none-match']).toBeUndefined();
  });

  it('is asked for with the name of the service, the headers and whoever the URL names', async () => {
    const registry = http(`http://me:p%40ss@127.0.0.1:${server.port}/v1/<service>?service=&key=k#x`, {
      headers: async () => ({ 'X-Token': 't' }),
    });
    opened.push(registry);
    await observe(registry, 'user-server.v1');
    const { url, headers } = server.requests[0]!;
    expect(url).toBe('/v1/user-server.v1?service=&key=k');
    expect(headers).toMatchObject({ 'x-token': 't', accept: 'application/json' });
    expect(headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    expect(registry.name).toBe(`http://***@127.0.0.1:${server.port}/v1/<service>?service=&key=***`);
  });

  it('is followed: who comes, who changes, and who goes and is lost', async () => {
    server.handle = json([entry(1), entry(2)]);
    const observer = await observe();
    server.handle = json([entry(1, { weight: 7, group: 'canary' }), entry(3)]);
    await later();
    await observer.until(() =>
      expect(lists(observer)).toEqual([
        ['10.0.0.1:1', 7],
        ['10.0.0.3:1', 100],
      ]),
    );
    expect(observer.instances[0]).toMatchObject({ group: 'canary', peer: 0 });
    expect(observer.deltas.find(({ type }) => type === 'removed')).toMatchObject({ cause: 'lost' });
    // The connection is used again.
    expect(server.sockets.size).toBe(1);
  });

  it('may be packed, and of any content type', async () => {
    server.handle = (_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/html' });
      response.end(gzipSync(JSON.stringify([entry(1)])));
    };
    expect((await observe()).ids).toEqual(['10.0.0.1-1']);
  });

  it('skips an entry that is wrong, alone, and tells it once', async () => {
    server.handle = json([entry(1), { address: 'unix:/run/x.sock' }, entry(2, { weight: -1 })]);
    const registry = registryOf();
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    const observer = await observe(registry);
    await later();
    await later();
    expect(observer.ids).toEqual(['10.0.0.1-1']);
    expect(events.map((event) => event.type === 'entry.malformed' && event.place)).toEqual([
      `${registry.name}[1].address`,
      `${registry.name}[2].weight`,
    ]);
  });

  it.each([
    ['no JSON', '<html>sign in</html>'],
    ['an error', { code: 500 }],
    ['a list of something else', { data: [entry(7)] }],
    ['a list of which nothing can be read', [{ addr: '10.0.0.1:1' }]],
  ])('stays where what comes next is %s, and is asked for again', async (_title, body) => {
    server.handle = json([entry(1)], { etag: '"1"' });
    const registry = registryOf();
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    const observer = await observe(registry);
    server.handle = json(body, { etag: '"2"' });
    await later();
    await eventually(() => expect(events).toMatchObject([{ type: 'entry.malformed', place: registry.name }]));
    expect([observer.ids, observer.error]).toEqual([['10.0.0.1-1'], undefined]);
    server.handle = json([entry(2)], { etag: '"3"' });
    await later();
    expect(server.requests.at(-1)!.headers['if-none-match']).toBeUndefined();
    await observer.until(() => expect(observer.ids).toEqual(['10.0.0.2-1']));
  });
});

describe('conditional requests', () => {
  const unless = (validator: 'if-none-match' | 'if-modified-since', value: string, body: unknown): Handler => {
    const name = validator === 'if-none-match' ? 'etag' : 'last-modified';
    return (request, response) =>
      request.headers[validator] === value
        ? response.writeHead(304).end()
        : json(body, { [name]: value })(request, response);
  };

  it.each([
    ['an ETag', 'if-none-match', 'W/"a"', '"b"'],
    ['a date', 'if-modified-since', 'Wed, 21 Oct 2026 07:28:00 GMT', 'Wed, 21 Oct 2026 07:29:00 GMT'],
  ] as const)('by %s bring nothing where nothing has changed', async (_title, validator, first, second) => {
    server.handle = unless(validator, first, [entry(1)]);
    const registry = registryOf();
    const observer = await observe(registry);
    await later();
    expect(server.requests.at(-1)!.headers[validator]).toBe(first);
    // Whoever watches later hears what stands.
    expect((await observe(registry)).ids).toEqual(['10.0.0.1-1']);
    server.handle = unless(validator, second, [entry(2)]);
    await later();
    await observer.until(() => expect(observer.ids).toEqual(['10.0.0.2-1']));
    expect(observer.batches).toHaveLength(2);
  });
});

describe('the next look', () => {
  it('comes after max-age', async () => {
    server.handle = json([], { 'cache-control': 'public, max-age=20', age: '5' });
    await observe();
    await eventually(() => expect(time.timers).toBe(1));
    await time.advanceAsync(14_999);
    expect(server.requests).toHaveLength(1);
    await later(1);
  });

  it('comes after the interval, a tenth more or less', async () => {
    await observe(registryOf('/?service=', { intervalMs: 10_000, random: () => 0 }));
    await eventually(() => expect(time.timers).toBe(1));
    await time.advanceAsync(8999);
    expect(server.requests).toHaveLength(1);
    await later(1);
  });

  it('comes at once where the server waited for a change, and not where it does not know how', async () => {
    const held: (() => void)[] = [];
    server.handle = json([entry(1)], { etag: '"1"' });
    const observed = registryOf(undefined, { longPoll: true, time: systemTime, intervalMs: 50 });
    const observer = await observe(observed);
    server.handle = (request, response) => {
      held.push(() => json([entry(held.length + 1)], { etag: `"${held.length}"` })(request, response));
    };
    await eventually(() => expect(held).toHaveLength(1));
    expect(server.requests.at(-1)!.headers).toMatchObject({ prefer: 'wait=30', 'if-none-match': '"1"' });
    held[0]!();
    await observer.until(() => expect(observer.ids).toEqual(['10.0.0.2-1']));
    await eventually(() => expect(held).toHaveLength(2));
    // Who begins to watch has nothing to wait for.
    server.handle = (request, response) => (request.headers['prefer'] ? undefined : response.writeHead(304).end());
    const { headers } = server.requests.at(-1)!;
    expect(headers['prefer']).toBe('wait=30');
    expect((await observe(observed)).ids).toEqual(['10.0.0.2-1']);
  });

  it('waits for the interval where the server answers a long poll at once, with nothing new', async () => {
    server.handle = (request, response) =>
      request.headers['if-none-match'] ? response.writeHead(304).end() : json([], { etag: '"1"' })(request, response);
    await observe(registryOf(undefined, { longPoll: true }));
    await later();
    await eventually(() => expect(time.timers).toBe(1));
    expect(server.requests).toHaveLength(2);
    await later();
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
});
