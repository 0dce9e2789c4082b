import { createSocket, type Socket } from 'node:dgram';
import { decode, encode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RookeryError } from '../../core/errors.js';
import type { EventSink } from '../../core/event.js';
import { createDirectory, type Directory } from '../../core/directory.js';
import { systemTime } from '../../system/time.js';
import { Observer } from '../../testing/conformance/observer.js';
import { eventually } from '../../testing/eventually.js';
import { startDns, type DnsServerProcess } from '../../testing/faults/dns-server.js';
import { freePort } from '../../testing/faults/free-port.js';
import { dns, type DnsOptions } from '../dns.js';
import { startDnsProxy, type DnsProxy } from './dns.stage.js';

const ZONE = {
  domain: 'svc.test',
  srv: [{ name: '_grpc._tcp.users.svc.test', target: 'a.svc.test', port: 50051 }],
  hosts: { 'a.svc.test': ['10.0.0.1'], 'b.svc.test': ['10.0.0.2', 'fd00::2'] },
};
const FOUND = ['10.0.0.1:50051'];

let opened: AsyncDisposable[];
let server: DnsServerProcess;
let proxy: DnsProxy;

beforeEach(async () => {
  opened = [(server = await startDns(ZONE))];
  opened.push((proxy = await startDnsProxy(server.host)));
});
afterEach(async () => {
  for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
});

function registryOf(options: DnsOptions = {}, name = '_grpc._tcp.<service>.svc.test') {
  const registry = dns(name, {
    servers: [proxy.host],
    search: [],
    minTtlMs: 20,
    maxTtlMs: 20,
    timeoutMs: 300,
    ...options,
  });
  opened.push(registry);
  return registry;
}

function watch(options: DnsOptions = {}, name?: string): Observer {
  const observer = new Observer(registryOf(options, name), 'users');
  opened.push({ [Symbol.asyncDispose]: () => observer.stop() });
  return observer;
}

/** As an application does it: who breaks off is asked again. */
function follow(options: DnsOptions = {}): Directory {
  const directory = createDirectory(registryOf(options), { time: systemTime, random: Math.random });
  opened.push(directory);
  directory.subscribe('users', () => {});
  return directory;
}

function addressesIn(directory: Directory): { readonly addresses: string[]; readonly stale: boolean } {
  const view = directory.view('users');
  if (view.status !== 'known') throw new Error(`the view is ${view.status}`);
  return {
    addresses: [...view.instances.values()].map(({ address }) => address),
    stale: view.staleSince !== undefined,
  };
}

async function failureOf(observer: Observer): Promise<RookeryError> {
  return eventually(() => {
    expect(observer.error).toBeDefined();
    return observer.error as RookeryError;
  });
}

const withRcode = (rcode: number) => (answer: Buffer) => {
  const changed = Buffer.from(answer);
  changed[3] = (changed[3]! & 0xf0) | rcode;
  return [changed];
};

describe('a DNS server', () => {
  it('that is away at the start is waited for, and its view stays while it is away later', async () => {
    await server.stop();
    const directory = follow();
    await eventually(() => expect(directory.view('users').status).toBe('pending'));
    await server.serve(ZONE);
    await eventually(() => expect(addressesIn(directory)).toEqual({ addresses: FOUND, stale: false }));
    await server.stop();
    await eventually(() => expect(addressesIn(directory)).toEqual({ addresses: FOUND, stale: true }));
    await server.serve({ ...ZONE, hosts: { 'a.svc.test': ['10.0.0.7'] } });
    await eventually(() => expect(addressesIn(directory)).toEqual({ addresses: ['10.0.0.7:50051'], stale: false }));
  });

  it.each([
    ['fails', 2, 'ROOKERY_REGISTRY_UNREACHABLE', 'SERVFAIL'],
    ['refuses', 5, 'ROOKERY_REGISTRY_REFUSED', 'REFUSED'],
  ])('that %s says so, and is no empty service', async (_title, rcode, code, text) => {
    proxy.meddle = withRcode(rcode);
    const observer = watch();
    const error = await failureOf(observer);
    expect(error.code).toBe(code);
    expect(error.message).toContain(`SRV _grpc._tcp.users.svc.test: ${proxy.host}: ${text}.`);
    expect(observer.batches).toEqual([]);
  });

  it.each([
    ['is silent', () => [], 'no answer within 300 ms'],
    ['says what nobody can read', (answer: Buffer) => [answer.subarray(0, 20)], 'its answer cannot be read'],
  ])('that %s is given up', async (_title, meddle, text) => {
    proxy.meddle = meddle;
    expect((await failureOf(watch())).message).toContain(`${proxy.host}: ${text}.`);
  });

  it('that nobody runs is noticed at once', async () => {
    const servers = [`127.0.0.1:${await freePort()}`];
    expect((await failureOf(watch({ servers, timeoutMs: 60_000 }))).message).toContain('ECONNREFUSED');
  });

  it('that cannot be routed to is a fault, and ends no process', async () => {
    expect((await failureOf(watch({ servers: ['255.255.255.255:53'] }))).message).toContain('EACCES');
  });

  it('that does not know EDNS is asked without it', async () => {
    proxy.meddle = (answer) => ((decode(answer).additionals ?? []).some(isOpt) ? withRcode(1)(answer) : [answer]);
    const observer = await watch().ready();
    expect(observer.ids).toEqual(FOUND);
  });

  it('that truncates is asked over TCP', async () => {
    const srv = Array.from({ length: 60 }, (_, i) => ({ ...ZONE.srv[0]!, port: 1000 + i }));
    await server.serve({ ...ZONE, srv });
    expect((await watch({ maxTtlMs: 60_000, minTtlMs: 60_000 }).ready()).ids).toHaveLength(60);
    expect(proxy.connections).toBe(1);
  });

  it('is left for the next one, which is asked first from then on', async () => {
    const dead = createSocket('udp4');
    let asked = 0;
    dead.on('message', () => (asked += 1));
    const port = await freePort();
    await new Promise<void>((resolve) => dead.bind(port, '127.0.0.1', resolve));
    opened.push({ [Symbol.asyncDispose]: async () => void dead.close() });
    const observer = await watch({ servers: [`127.0.0.1:${port}`, proxy.host] }).ready();
    await eventually(() => expect(proxy.asked.length).toBeGreaterThan(3));
    expect([observer.ids, asked]).toEqual([FOUND, 1]);
  });

  it('that fails for a part of the names takes none along', async () => {
    const srv = [...ZONE.srv, { ...ZONE.srv[0]!, target: 'b.svc.test' }];
    await server.serve({ ...ZONE, srv });
    // Nothing is sent along, so that each target is asked for.
    const alone = (answer: Buffer): Buffer => encode({ ...decode(answer), additionals: [] } as never);
    proxy.meddle = (answer) => [alone(answer)];
    const observer = watch();
    const all = ['10.0.0.1:50051', '10.0.0.2:50051', '[fd00::2]:50051'];
    await observer.until(() => expect(observer.ids).toEqual(all));
    let failures = 0;
    proxy.meddle = (answer) => {
      const fails = decode(answer).questions?.[0]?.name === 'b.svc.test';
      failures += Number(fails);
      return fails ? withRcode(2)(answer) : [alone(answer)];
    };
    await eventually(() => expect(failures).toBeGreaterThan(12));
    expect([observer.ids, observer.error]).toEqual([all, undefined]);
  });

  it('that sends aliases in circles has failed', async () => {
    const alias = (name: string, data: string) => ({ type: 'CNAME', name, data, ttl: 1 });
    proxy.meddle = (answer) => {
      const answers = [alias('b.svc.test', 'c.svc.test'), alias('c.svc.test', 'b.svc.test')];
      return [encode({ ...decode(answer), answers, additionals: [] } as never)];
    };
    expect((await failureOf(watch({}, 'b.svc.test:1'))).message).toContain('its aliases go in circles');
  });

  it('that never answers for AAAA has IPv4 addresses all the same', async () => {
    proxy.meddle = (answer) => (decode(answer).questions?.[0]?.type === 'AAAA' ? [] : [answer]);
    expect((await watch({}, 'b.svc.test:1').ready()).ids).toEqual(['10.0.0.2:1']);
  });
});

describe('a fault', () => {
  it('in which a better priority comes back leaves nobody of a worse one behind', async () => {
    const better = { ...ZONE.srv[0]!, target: 'c.svc.test', priority: 1 };
    const worse = { ...ZONE.srv[0]!, priority: 2 };
    const hosts = { ...ZONE.hosts, 'c.svc.test': ['10.0.0.3'] };
    await server.serve({ ...ZONE, hosts, srv: [worse] });
    const registry = registryOf();
    const causes: string[] = [];
    const emit: EventSink = (event) => event.type === 'instance.removed' && causes.push(`${event.id} ${event.cause}`);
    const directory = createDirectory(registry, { time: systemTime, random: Math.random, emit });
    opened.push(directory);
    directory.subscribe('users', () => {});
    await eventually(() => expect(addressesIn(directory)).toEqual({ addresses: FOUND, stale: false }));
    await server.stop();
    await eventually(() => expect(addressesIn(directory).stale).toBe(true));
    await server.serve({ ...ZONE, hosts, srv: [worse, better] });
    await eventually(() => expect(addressesIn(directory)).toEqual({ addresses: ['10.0.0.3:50051'], stale: false }));
    expect(causes).toEqual(['10.0.0.1:50051 left']);
  });
});

describe('search domains', () => {
  const options = { search: ['svc.test', 'elsewhere.test'], ndots: 5 };
  const failing = (domain: string) => (answer: Buffer) =>
    decode(answer).questions?.[0]?.name.endsWith(domain) ? withRcode(2)(answer) : [answer];

  it('that are refused do not hide that a service is gone', async () => {
    const observer = watch(options, '_grpc._tcp.<service>');
    await observer.until(() => expect(observer.ids).toEqual(FOUND));
    await server.serve({ ...ZONE, srv: [] });
    await observer.until(() => expect(observer.ids).toEqual([]));
    await server.serve(ZONE);
    await observer.until(() => expect(observer.ids).toEqual(FOUND));
  });

  it('that fail do not hide it either, once it has been there', async () => {
    const observer = watch(options, '_grpc._tcp.<service>');
    await observer.until(() => expect(observer.ids).toEqual(FOUND));
    proxy.meddle = failing('elsewhere.test');
    await server.serve({ ...ZONE, srv: [] });
    await observer.until(() => expect(observer.ids).toEqual([]));
  });

  it('that fail for a moment do not give their place to others, also where the watch begins anew', async () => {
    const other = { name: '_grpc._tcp.users.elsewhere.test', target: 'b.svc.test', port: 50051 };
    await server.serve({ ...ZONE, srv: [...ZONE.srv, other] });
    const registry = registryOf(options, '_grpc._tcp.<service>');
    const [first, second] = [new Observer(registry, 'users'), new Observer(registry, 'users')];
    opened.push({ [Symbol.asyncDispose]: async () => void (await Promise.all([first.stop(), second.stop()])) });
    await first.until(() => expect(first.ids).toEqual(FOUND));
    proxy.meddle = failing('users.svc.test');
    await failureOf(first);
    const third = new Observer(registry, 'users');
    expect((await failureOf(third)).message).toContain('SERVFAIL');
    expect(third.batches).toEqual([]);
    await third.stop();
  });

  it('that fail at the start may be the right ones', async () => {
    proxy.meddle = failing('svc.test');
    expect((await failureOf(watch(options, '_grpc._tcp.<service>'))).message).toContain('SERVFAIL');
  });
});

describe('an answer that somebody forges', () => {
  const forged = (answer: Buffer, change: object): Buffer =>
    encode({ ...decode(answer), answers: [], additionals: [], ...change } as never);

  it.each([
    ['with another id', (answer: Buffer) => forged(answer, { id: (answer.readUInt16BE(0) + 1) & 0xffff })],
    [
      'to another question',
      (answer: Buffer) => forged(answer, { questions: [{ name: 'other.svc.test', type: 'SRV' }] }),
    ],
    ['that is a question', (answer: Buffer) => forged(answer, { type: 'query' })],
    ['that is nothing', () => Buffer.alloc(0)],
    ['that is one byte', () => Buffer.from('x')],
  ])('%s is not heard', async (_title, forge) => {
    proxy.meddle = (answer) => [forge(answer), answer];
    expect((await watch().ready()).batches[0]).toMatchObject([{ type: 'reset', instances: [{ id: FOUND[0] }] }]);
  });

  it('comes from elsewhere and is not heard', async () => {
    const stranger: Socket = createSocket('udp4');
    opened.push({ [Symbol.asyncDispose]: async () => void stranger.close() });
    proxy.meddle = (answer) => {
      stranger.send(forged(answer, {}), proxy.lastPort, '127.0.0.1');
      return [answer];
    };
    expect((await watch().ready()).batches[0]).toMatchObject([{ type: 'reset', instances: [{ id: FOUND[0] }] }]);
  });
});

function isOpt({ type }: { readonly type: string }): boolean {
  return type === 'OPT';
}
