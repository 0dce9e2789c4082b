import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type GrpcObject,
  type ServerUnaryCall,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Controller, Get, Inject, Param, UseInterceptors, type Type } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { currentLane, getServiceToken, laneFromHeader, RookeryModule, withLane, type AsyncClient } from 'rookery';
import { createInstance, type ServiceInstance } from 'rookery/core';
import { eventually } from 'rookery/testing';
import { from } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chain, ChainStage, type ServeOptions, type Streams } from '../support/chain-stage.js';
import { refused } from '../support/refusal-stage.js';
import { answered, STREAMS, type RawClient, type Text } from '../support/streams-stage.js';

let stage: ChainStage;
let open: (() => unknown)[];
beforeEach(() => {
  stage = new ChainStage();
  open = [];
});
afterEach(async () => {
  await stage.close();
  for (const close of open.splice(0)) close();
});

const { streams: found } = loadPackageDefinition(loadSync(STREAMS.protoPath)) as Record<string, GrpcObject>;
const Raw = found!['Streams'] as ServiceClientConstructor;

const lane = () => ({ text: currentLane() ?? '-' });

/** Puts an entry into the registry that no server of ours has written. */
function enter(init: Parameters<typeof createInstance>[0]): ServiceInstance {
  return stage.registry.register(createInstance(init)).instance;
}

describe('what a server takes over', () => {
  async function asked(header: string | readonly string[], lanes?: ServeOptions['lanes']): Promise<unknown> {
    const options = lanes === undefined ? {} : { lanes };
    const { port, client } = await stage.serve(
      'orders',
      // What it hands on is checked, too: a handler may pass the metadata of its call to the next one.
      { ask: async (_, metadata) => ({ text: `${lane().text}>${(await users().ask({}, { metadata })).text}` }) },
      { clients: [chain('users')], ...options },
    );
    await stage.serve('users', { ask: lane });
    const users = () => client('users').streams;
    const raw = new Raw(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as RawClient;
    open.push(() => raw.close());
    const metadata = new Metadata();
    for (const one of [header].flat()) metadata.add('rookery-lane', one);
    const { messages, ...error } = await answered((done) => raw.Ask({}, metadata, done));
    return messages?.[0]?.text ?? error;
  }

  it.each([
    [undefined, 'canary', 'canary>canary'],
    [undefined, 'not a name!', '->-'],
    [undefined, '', '->-'],
    [undefined, '*', '->-'],
    [undefined, 'x'.repeat(64), '->-'],
    [undefined, ['canary', 'canary'], '->-'],
    ['ignore', 'canary', '->-'],
    [{ accept: ['canary', 'blue'] }, 'canary', 'canary>canary'],
    [{ accept: ['blue'] }, 'canary', '->-'],
    [{ accept: ['blue'] }, 'not a name!', '->-'],
  ] as const)('with lanes %j of the header %j is %j', async (lanes, header, expected) => {
    expect(await asked(header, lanes)).toBe(expected);
  });
});

describe('a lane goes to peers only', () => {
  /** A server of somebody else, which says what it was sent. */
  async function startForeign(): Promise<number> {
    const server = new Server();
    server.addService(Raw.service, {
      Ask: ({ metadata }: ServerUnaryCall<Text, Text>, done: (error: null, answer: Text) => void) =>
        done(null, { text: metadata.get('rookery-lane').join(' ') }),
    });
    open.push(() => server.forceShutdown());
    return new Promise((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
  }
  const metadata = { 'rookery-lane': 'mine' };

  it('not to a foreign instance, nor by a client that has a url, whatever the caller writes', async () => {
    const port = await startForeign();
    enter({ id: 'foreign', service: 'users', address: `127.0.0.1:${port}` });
    const direct = { service: chain('users'), name: 'direct', url: `dns:127.0.0.1:${port}` };
    const client = await stage.caller(chain('users'), direct);
    for (const name of ['users', 'direct']) {
      const { streams } = client(name);
      expect(await withLane('canary', () => streams.ask({}))).toMatchObject({ text: '' });
      expect(await withLane('canary', () => streams.ask({}, { metadata }))).toMatchObject({ text: '' });
      expect(await streams.ask({}, { metadata })).toMatchObject({ text: '' });
    }
  });

  it('and is the lane of the code, not what the caller writes', async () => {
    await stage.serve('users', { ask: lane });
    const { streams } = (await stage.caller(chain('users')))('users');
    expect(await streams.ask({}, { metadata })).toMatchObject({ text: '-' });
    expect(await withLane('canary', () => streams.ask({}, { metadata }))).toMatchObject({ text: 'canary' });
  });
});

describe('a lane whose only instance takes connections and never answers', () => {
  it('is passed over soon, and at once while that instance stays failed', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    open.push(
      () => silent.close(),
      () => sockets.forEach((socket) => socket.destroy()),
    );
    await stage.serve('users', { ask: () => ({ text: 'ungrouped' }) });
    const { port } = silent.address() as AddressInfo;
    const { streams } = (await stage.caller(chain('users')))('users');
    expect(await streams.ask({})).toMatchObject({ text: 'ungrouped' });
    const states: string[] = [];
    stage.registry.events.on((event) => {
      if (event.type === 'endpoint.changed' && event.id === 'mute') states.push(event.state);
    });
    enter({ id: 'mute', service: 'users', address: `127.0.0.1:${port}`, group: 'canary', peer: 1 });
    const timed = async (many: number) => {
      const startedAt = performance.now();
      for (let i = 0; i < many; i += 1)
        expect(await withLane('canary', () => streams.ask({}))).toMatchObject({ text: 'ungrouped' });
      return performance.now() - startedAt;
    };
    await eventually(() => expect(sockets).toHaveLength(1));
    const waited = await timed(1);
    // It was the call that lost patience: the connection has not been given up yet.
    expect(states).not.toContain('failed');
    await eventually(() => expect(states).toContain('failed'));
    // Who waited as before would take twice as long as this allows.
    expect(await timed(20)).toBeLessThan(10 * waited);
  });
});

describe('laneFromHeader', () => {
  const header = laneFromHeader('X-Lane', { allow: ['canary', 'blue'] });

  @Controller()
  class PlainController {
    constructor(@Inject(getServiceToken('users', 'Streams')) private readonly users: AsyncClient<Streams>) {}

    @Get('promise/:text')
    async promise(@Param('text', { transform: () => lane().text }) seenByPipe: string) {
      return `${seenByPipe} ${(await this.users.ask({})).text}`;
    }

    @Get('observable')
    observable() {
      return from(Promise.resolve().then(async () => (await this.users.ask({})).text));
    }
  }

  @Controller('used')
  @UseInterceptors(header)
  class UsingController extends PlainController {}

  async function gateway(global: boolean) {
    await stage.serve('users', { ask: lane });
    const controllers: Type[] = [PlainController, UsingController];
    const app = await stage.hybrid(
      stage.module({ controllers, imports: [RookeryModule.forFeature([chain('users')])] }),
    );
    if (global) app.useGlobalInterceptors(header);
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();
    return async (path: string, ...values: string[]) => {
      const headers = new Headers();
      for (const value of values) headers.append('x-lane', value);
      const response = await fetch(`${url}/${path}`, { headers });
      return response.text();
    };
  }

  it.each([
    ['every request', true, ''],
    ['the requests of a controller', false, 'used/'],
  ])('sets the lane of %s', async (_, global, prefix) => {
    const get = await gateway(global);
    const answers = await Promise.all([
      get(`${prefix}promise/x`, 'canary'),
      get(`${prefix}promise/x`),
      get(`${prefix}promise/x`, 'blue'),
      get(`${prefix}promise/x`, 'green'),
      get(`${prefix}promise/x`, 'canary', 'blue'),
      get(`${prefix}observable`, 'canary'),
      get(`${prefix}observable`),
    ]);
    expect(answers).toEqual(['canary canary', '- -', 'blue blue', '- -', '- -', 'canary', '-']);
    if (!global) expect(await get('promise/x', 'canary')).toBe('- -');
  });

  it('leaves what is no HTTP request alone', async () => {
    await stage.serve('users', { ask: lane }, { providers: [{ provide: APP_INTERCEPTOR, useValue: header }] });
    const { streams } = (await stage.caller(chain('users')))('users');
    const metadata = { 'x-lane': 'canary' };
    expect(await streams.ask({}, { metadata })).toMatchObject({ text: '-' });
    expect(await withLane('green', () => streams.ask({}, { metadata }))).toMatchObject({ text: 'green' });
  });

  const code = 'ROOKERY_OPTION_INVALID';
  it.each([
    ['', { allow: ['a'] }, code, 'laneFromHeader.header', 'Use the name of an HTTP header'],
    ['x lane', { allow: ['a'] }, code, 'laneFromHeader.header', 'Use the name of an HTTP header'],
    [7, { allow: ['a'] }, code, 'laneFromHeader.header', 'Use the name of an HTTP header'],
    ['x-lane', undefined, code, 'laneFromHeader', 'Pass { allow:'],
    ['x-lane', {}, code, 'laneFromHeader.allow', 'Name the lanes that may be chosen'],
    ['x-lane', { allow: [] }, code, 'laneFromHeader.allow', 'Name the lanes that may be chosen'],
    ['x-lane', { allow: 'canary' }, code, 'laneFromHeader.allow', 'Name the lanes that may be chosen'],
    ['x-lane', { alow: ['a'] }, code, 'laneFromHeader.alow', 'Did you mean `allow`?'],
    ['x-lane', { allow: ['a', '*'] }, 'ROOKERY_NAME_INVALID', 'laneFromHeader.allow[1]', 'Use 1 to 63'],
  ])('refuses %j, %j', async (name, options, expected, path, remedy) => {
    await refused(() => laneFromHeader(name as never, options as never), { code: expected, path, remedy });
  });
});
