import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDirectory } from '../../core/directory.js';
import type { RookeryError } from '../../core/errors.js';
import { systemTime } from '../../system/time.js';
import { Observer } from '../../testing/conformance/observer.js';
import { eventually } from '../../testing/eventually.js';
import { fakeTime } from '../../testing/fake-time.js';
import { http, type HttpOptions } from '../http.js';
import { json, ListServer, type Handler } from './http.stage.js';

const SOMEBODY = [{ address: '10.0.0.1:1' }];

let server: ListServer;
let opened: AsyncDisposable[];

beforeEach(async () => {
  opened = [(server = await ListServer.start())];
});
afterEach(async () => {
  for (const each of opened.toReversed()) await each[Symbol.asyncDispose]();
});

function watch(options: HttpOptions = {}, url = `${server.origin}/list?service=<service>&key=hunter2`): Observer {
  const registry = http(url, { intervalMs: 20, timeoutMs: 500, ...options });
  const observer = new Observer(registry, 'users');
  opened.push(registry, { [Symbol.asyncDispose]: () => observer.stop() });
  return observer;
}

async function failureOf(observer: Observer): Promise<RookeryError> {
  const error = await eventually(() => {
    expect(observer.error).toBeDefined();
    return observer.error as RookeryError;
  });
  expect(error.message).not.toContain('hunter2');
  expect(observer.batches).toEqual([]);
  return error;
}

const redirect =
  (to: string): Handler =>
  (_request, response) =>
    response.writeHead(302, { location: to }).end();

describe('a server', () => {
  it('that is away is waited for, and its list stays while it is away again', async () => {
    const { port, origin } = server;
    await server.stop();
    const registry = http(`${origin}/<service>`, { intervalMs: 20 });
    const directory = createDirectory(registry, { time: systemTime, random: Math.random });
    opened.push(registry, directory);
    directory.subscribe('users', () => {});
    const view = () => {
      const known = directory.view('users');
      return known.status === 'known' ? [[...known.instances.keys()], known.staleSince !== undefined] : known.status;
    };
    expect(view()).toBe('pending');
    server.handle = json(SOMEBODY);
    await server.listen(port);
    await eventually(() => expect(view()).toEqual([['10.0.0.1-1'], false]));
    server.handle = json('', {}, 503);
    await eventually(() => expect(view()).toEqual([['10.0.0.1-1'], true]));
    server.handle = json([]);
    await eventually(() => expect(view()).toEqual([[], false]));
  });

  it.each([
    [500, 'ROOKERY_REGISTRY_UNREACHABLE', 'it answers 500. Trying again.'],
    [404, 'ROOKERY_REGISTRY_UNREACHABLE', 'a service without instances is an empty list'],
    [204, 'ROOKERY_REGISTRY_UNREACHABLE', 'it answers 204.'],
    [304, 'ROOKERY_REGISTRY_UNREACHABLE', 'it answers 304.'],
    [401, 'ROOKERY_REGISTRY_REFUSED', 'Correct what says who we are'],
    [403, 'ROOKERY_REGISTRY_REFUSED', 'it answers 403.'],
  ])('that answers %i is no empty service', async (status, code, text) => {
    server.handle = (_request, response) => response.writeHead(status).end();
    const error = await failureOf(watch());
    expect([error.code, error.path]).toEqual([code, `${server.origin}/list?service=<service>&key=***`]);
    expect(error.message).toContain(text);
  });

  it.each<[string, Handler, string]>([
    ['says nothing', () => {}, 'no answer within 500 ms'],
    [
      'says a little now and then',
      (_request, response) => {
        response.writeHead(200).write('[');
        const drip = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(drip));
      },
      'no answer within 500 ms',
    ],
    [
      'ends in the middle',
      (_request, response) => {
        response.writeHead(200, { 'content-length': '100' }).write('[');
        response.socket!.end();
      },
      'aborted',
    ],
    [
      'never ends',
      (_request, response) => {
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(1 << 20, ' ')));
        };
        response.on('drain', more);
        more();
      },
      'it sends more than 16777216 bytes',
    ],
    [
      'sends a small answer that is a large one',
      (_request, response) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(17 << 20, ' '))),
      'larger than 16777216 bytes',
    ],
    ['packs it otherwise', json([], { 'content-encoding': 'br' }), 'in another way than gzip'],
    ['hangs up', (request) => request.socket.destroy(), 'socket hang up'],
    ['says what is no list', json('<html>'), 'found text that is no JSON'],
    ['says what is no list of ours', json('7'), 'found 7 instead of a list'],
  ])('that %s is given up', async (_title, handle, text) => {
    server.handle = handle;
    expect((await failureOf(watch({ timeoutMs: text.startsWith('no answer') ? 500 : 5000 }))).message).toContain(text);
  });

  it('that speaks no HTTP is given up', async () => {
    const other: Server = createTcpServer((socket) => socket.on('error', () => {}).end('220 smtp\r\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    opened.push({ [Symbol.asyncDispose]: async () => void other.close() });
    const { port } = other.address() as AddressInfo;
    expect((await failureOf(watch({}, `http://127.0.0.1:${port}`))).code).toBe('ROOKERY_REGISTRY_UNREACHABLE');
  });

  it('that closes a connection between two looks is asked over another one', async () => {
    server.handle = json(SOMEBODY);
    const observer = await watch().ready();
    await eventually(() => expect(server.requests.length).toBeGreaterThan(2));
    for (const socket of server.sockets) socket.destroy();
    const before = server.requests.length;
    await eventually(() => expect(server.requests.length).toBeGreaterThan(before + 2));
    expect(observer.error).toBeUndefined();
  });

  it('may ask for a header that cannot be had in time, and the watch ends when it is told to', async () => {
    const never = () => new Promise<never>(() => {});
    expect((await failureOf(watch({ headers: never, timeoutMs: 50 }))).message).toContain('no answer within 50 ms');
    const observer = watch({ headers: never, timeoutMs: 60_000 });
    await observer.stop();
    expect(observer.error).toBeUndefined();
  });
});

describe('a redirect', () => {
  it('is followed within its origin, with the headers', async () => {
    server.handle = (request, response) =>
      (request.url === '/there' ? json(SOMEBODY) : redirect('/there'))(request, response);
    expect((await watch({ headers: { a: 'b' } }).ready()).ids).toEqual(['10.0.0.1-1']);
    expect(server.requests[1]!.headers['a']).toBe('b');
  });

  it.each([
    ['to itself', () => '/list', 'it redirects more than 3 times'],
    [
      'elsewhere',
      () => 'http://127.0.0.1:1/?key=hunter2',
      'it redirects to http://127.0.0.1:1, which is another origin',
    ],
    ['to the same place in another scheme', () => server.origin.replace('http', 'https'), 'another origin'],
    ['to no URL', () => 'http://[', 'what is no URL'],
  ])('%s is not', async (_title, to, text) => {
    server.handle = redirect(to());
    const error = await failureOf(watch());
    expect(error.code).toBe('ROOKERY_REGISTRY_UNREACHABLE');
    expect(error.message).toContain(text);
    expect(server.requests.length).toBeLessThanOrEqual(4);
  });
});

describe('the time for an answer', () => {
  it('is not given anew with each redirect', async () => {
    const time = fakeTime();
    const held: (() => void)[] = [];
    server.handle = (request, response) => held.push(() => redirect('/next')(request, response));
    const observer = watch({ time, timeoutMs: 5000 });
    await eventually(() => expect(held).toHaveLength(1));
    await time.advanceAsync(3000);
    held[0]!();
    await eventually(() => expect(held).toHaveLength(2));
    await time.advanceAsync(2000);
    expect((await failureOf(observer)).message).toContain('no answer within 5000 ms');
  });
});

describe('TLS', () => {
  let folder: string;
  let cert: Buffer;
  let key: Buffer;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-http-'));
    const subject = ['-subj', '/CN=spec', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'ignore' });
    cert = readFileSync(join(folder, 'cert.pem'));
    key = readFileSync(join(folder, 'key.pem'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function secure(more: object = {}): Promise<string> {
    const tls = createServer({ cert, key, ...more }, (_request, response) =>
      response.end(JSON.stringify({ users: SOMEBODY })),
    );
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    opened.push({ [Symbol.asyncDispose]: async () => (tls.closeAllConnections(), void tls.close()) });
    return `127.0.0.1:${(tls.address() as AddressInfo).port}/`;
  }

  it('is taken where the authority is known, with a certificate of ours where one is wanted', async () => {
    expect((await watch({ tls: { ca: cert } }, `https://${await secure()}`).ready()).ids).toEqual(['10.0.0.1-1']);
    const place = `https://${await secure({ requestCert: true, ca: cert })}`;
    expect((await watch({ tls: { ca: cert, cert, key } }, place).ready()).ids).toEqual(['10.0.0.1-1']);
    const error = await failureOf(watch({ tls: { ca: cert } }, place));
    expect([error.code, error.message]).toEqual(['ROOKERY_REGISTRY_UNTRUSTED', expect.stringContaining('`tls.cert`')]);
  });

  it.each([
    ['by an authority that is not known', {}, '127.0.0.1', '`tls.ca`'],
    ['for another name', undefined, 'localhost', 'other names'],
  ])('is not %s', async (_title, tls, name, remedy) => {
    const place = (await secure()).replace('127.0.0.1', name);
    const error = await failureOf(watch({ tls: tls ?? { ca: cert } }, `https://${place}`));
    expect([error.code, error.message]).toEqual(['ROOKERY_REGISTRY_UNTRUSTED', expect.stringContaining(remedy)]);
  });

  it('is missed where it is not spoken', async () => {
    expect((await failureOf(watch({}, server.origin.replace('http', 'https')))).message).toContain('use http://');
  });
});
