import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Client,
  credentials,
  InterceptingCall,
  Metadata,
  ServerCredentials,
  ServerInterceptingCall,
  type ClientOptions,
  type ServerUnaryCall,
} from '@grpc/grpc-js';
import { Controller } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import {
  getClientToken,
  RegisterService,
  RookeryModule,
  withLane,
  type ClientSettings,
  type RookeryClient,
  type RookeryGrpcOptions,
  type RookeryModuleOptions,
} from 'rookery';
import { eventually } from 'rookery/testing';
import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { probe, type Answer, type Probe as ProbeService, type Question } from '../apps/contracts.js';
import { startAuthority } from '../support/certificates.js';
import { NestStage } from '../support/nest-stage.js';

const Probe = probe('probe');
type ProbeClient = RookeryClient<{ Probe: ProbeService }>;

let stage: NestStage;
afterEach(() => stage.close());

/** Says what carried the call, and which lane it came in. */
@Controller()
@RegisterService()
class CarrierController {
  @GrpcMethod('Probe', 'Ask')
  ask(_: Question, metadata: Metadata, call: ServerUnaryCall<unknown, unknown>): Partial<Answer> {
    const carried = call.constructor.name === 'MuxServerCall' ? 'mux' : 'grpc';
    return { name: [carried, ...metadata.get('rookery-lane'), ...metadata.get('x-text')].join(' ') };
  }
}

interface Ends {
  readonly server?: Partial<RookeryGrpcOptions>;
  readonly serverRoot?: RookeryModuleOptions;
  readonly client?: ClientSettings;
  readonly clientRoot?: RookeryModuleOptions;
}

async function ends({ server = {}, serverRoot = { mux: true }, client = {}, clientRoot = { mux: true } }: Ends = {}) {
  stage = new NestStage();
  const controllers = [CarrierController];
  const { app } = await stage.listening({ service: Probe, ...server }, stage.module({ controllers, root: serverRoot }));
  const made = await stage.context(
    stage.module({
      root: clientRoot,
      imports: [RookeryModule.forFeature([{ service: Probe, ...client }])],
      controllers: [],
    }),
  );
  const found = made.get<ProbeClient>(getClientToken('probe'));
  await found.waitForReady();
  return { app, client: found, probe: found.getAsyncService('Probe') };
}

const toldOfMux = () => stage.warnings.filter((warning) => warning.includes('mux'));
const carrierOf = async ({ probe: service }: { readonly probe: { ask(q: Question): Promise<Answer> } }) =>
  (await service.ask({})).name;

describe('a unary call', () => {
  it('shares a stream where both sides want it', async () => {
    const made = await ends();
    expect(await carrierOf(made)).toBe('mux');
    const { name } = await firstValueFrom(
      made.client.getService<{ ask(q: Question): import('rxjs').Observable<Answer> }>('Probe').ask({}),
    );
    expect(name).toBe('mux');
    expect(await carrierOf({ probe: made.client.with({ timeoutMs: 1000 }).getAsyncService('Probe') })).toBe('mux');
  });

  it.each<[string, Ends]>([
    ['nobody says anything', { serverRoot: {}, clientRoot: {} }],
    ['only the client wants it', { serverRoot: {} }],
    ['only the server wants it', { clientRoot: {} }],
    ['the server says otherwise than its application', { server: { mux: false } }],
    ['the client says otherwise than its application', { client: { mux: false } }],
  ])('goes by itself where %s', async (_, how) => {
    expect(await carrierOf(await ends(how))).toBe('grpc');
    expect(toldOfMux()).toEqual([]);
  });

  it('shares a stream where a server and a client say so by themselves', async () => {
    const made = await ends({ serverRoot: {}, clientRoot: {}, server: { mux: true }, client: { mux: {} } });
    expect(await carrierOf(made)).toBe('mux');
  });

  const own = (channelOptions: ClientOptions): Ends => ({ client: { channelOptions } });
  it.each<[string, Ends, string]>([
    [
      'interceptors of a client',
      own({ interceptors: [(options, next) => new InterceptingCall(next(options))] }),
      'interceptors',
    ],
    [
      'interceptors of a server',
      {
        server: {
          channelOptions: { interceptors: [(_: unknown, call: never) => new ServerInterceptingCall(call)] } as object,
        },
      },
      'interceptors',
    ],
    [
      'a transformer of calls',
      own({ callInvocationTransformer: (properties) => properties }),
      'callInvocationTransformer',
    ],
    ['a service config', own({ 'grpc.service_config': '{}' }), 'grpc.service_config'],
    ['compression', own({ 'grpc.default_compression_algorithm': 2 }), 'grpc.default_compression_algorithm'],
    ['an idle timeout', own({ 'grpc.client_idle_timeout_ms': 60_000 }), 'grpc.client_idle_timeout_ms'],
    ['small answers', own({ 'grpc.max_receive_message_length': 1000 }), 'grpc.max_receive_message_length'],
    ['small requests', { server: { maxReceiveMessageLength: 1000 } }, 'maxReceiveMessageLength'],
    ['small answers of a server', { server: { maxSendMessageLength: 16_384 } }, 'maxSendMessageLength'],
  ])('goes by itself with %s, and the application is told', async (_, how, reason) => {
    expect(await carrierOf(await ends(how))).toBe('grpc');
    expect(toldOfMux()).toEqual([expect.stringMatching(new RegExp(`mux is off, for .* has ${reason}:`))]);
  });

  it.each<[string, Ends]>([
    ["compat: 'nest' of a client", { client: { compat: 'nest' } }],
    ["compat: 'nest' of a server", { server: { compat: 'nest' } }],
  ])('goes by itself with %s', async (_, how) => {
    expect(await carrierOf(await ends(how))).toBe('grpc');
  });

  it('goes by itself where grpc-js is instrumented', async () => {
    const { prototype } = Client;
    const makeUnaryRequest = Reflect.get(prototype, 'makeUnaryRequest') as typeof prototype.makeUnaryRequest;
    prototype.makeUnaryRequest = Object.assign(makeUnaryRequest.bind(prototype), { __wrapped: true }) as never;
    try {
      stage = new NestStage();
      const made = await ends();
      prototype.makeUnaryRequest = makeUnaryRequest;
      expect(await carrierOf(made)).toBe('grpc');
    } finally {
      prototype.makeUnaryRequest = makeUnaryRequest;
    }
  });

  it('goes by itself where its own options ask for what only grpc-js does', async () => {
    const { probe: service } = await ends();
    const interceptors = [(options: never, next: (options: never) => never) => new InterceptingCall(next(options))];
    expect((await service.ask({}, { interceptors } as object)).name).toBe('grpc');
    expect((await service.ask({})).name).toBe('mux');
  });

  it('goes by itself where it is too large, be it for its message or its metadata', async () => {
    const { probe: service } = await ends({ clientRoot: { mux: { maxMessageBytes: 100 } } });
    const text = (length: number) => ({ metadata: { 'x-text': 'x'.repeat(length) } });
    expect((await service.ask({}, text(50))).name).toMatch(/^mux/);
    expect((await service.ask({}, text(8000))).name).toMatch(/^mux/);
    expect((await service.ask({}, text(8200))).name).toMatch(/^grpc/);
  });
});

describe('a call that shares a stream', () => {
  it('shares it over TLS, unless its credentials are made anew for each call', async () => {
    await using authority = await startAuthority();
    const { cert, key } = await authority.issue('probe');
    const server = { credentials: ServerCredentials.createSsl(null, [{ cert_chain: cert, private_key: key }]) };
    const trusted = credentials.createSsl(authority.ca);
    const made = await ends({ server, client: { credentials: trusted } });
    expect(await carrierOf(made)).toBe('mux');
    const perCall = credentials.createFromMetadataGenerator((_, done) => done(null, new Metadata()));
    const composed = credentials.combineChannelCredentials(trusted, perCall);
    const app = await stage.context(
      stage.module({
        root: { mux: true },
        imports: [RookeryModule.forFeature([{ service: Probe, credentials: composed }])],
        controllers: [],
      }),
    );
    const other = app.get<ProbeClient>(getClientToken('probe')).getAsyncService('Probe');
    expect(await carrierOf({ probe: other })).toBe('grpc');
    expect(toldOfMux()).toEqual([expect.stringContaining('call credentials')]);
  });

  it('goes where any call would: by weight, group and route', async () => {
    stage = new NestStage();
    const { registry } = stage;
    const root = { mux: true };
    const serve = (name: string, instance: RookeryGrpcOptions['instance']) =>
      stage.listening({ service: Probe, instance: instance! }, stage.module({ name, root }));
    await Promise.all([
      serve('heavy', { weight: 3 }),
      serve('light', { weight: 1 }),
      serve('canary', { group: 'canary' }),
    ]);
    const app = await stage.client(RookeryModule.forFeature([{ service: Probe, mux: true }]));
    const service = app.get<ProbeClient>(getClientToken('probe')).getAsyncService('Probe');
    const tally = async (calls: number, options = {}) => {
      const names: Record<string, number> = {};
      for (let i = 0; i < calls; i += 1) {
        const { name } = await service.ask({}, options);
        names[name] = (names[name] ?? 0) + 1;
      }
      return names;
    };
    await eventually(async () => expect(Object.keys(await tally(40, { group: '*' }))).toHaveLength(3));
    expect(await tally(400)).toEqual({ heavy: 300, light: 100 });
    expect(await tally(20, { group: 'canary' })).toEqual({ canary: 20 });
    expect(await withLane('canary', () => tally(20))).toEqual({ canary: 20 });
    await expect(service.ask({}, { group: 'beta' })).rejects.toMatchObject({ reason: 'ROOKERY_GROUP_MISSING' });
    await registry.steer!.setRoute('probe', { type: 'prefer', groups: ['canary'] });
    await eventually(async () => expect(await tally(5)).toEqual({ canary: 5 }));
  });

  it('carries its lane', async () => {
    const { probe: service } = await ends();
    expect((await withLane('canary', () => service.ask({}))).name).toBe('mux canary');
    expect((await service.ask({}, { metadata: { 'rookery-lane': 'forged' } })).name).toBe('mux');
  });

  it('is heard in the context of whoever subscribed', async () => {
    const { client } = await ends();
    const requests = new AsyncLocalStorage<number>();
    const service = client.getService<{ ask(q: Question): import('rxjs').Observable<Answer> }>('Probe');
    const heard = await Promise.all(
      [1, 2, 3].map((n) =>
        requests.run(n, () => new Promise((resolve) => service.ask({}).subscribe(() => resolve(requests.getStore())))),
      ),
    );
    expect(heard).toEqual([1, 2, 3]);
  });
});

describe('the option', () => {
  it.each<[Ends, string]>([
    [{ clientRoot: { mux: 'yes' as never } }, 'forRoot.mux'],
    [{ server: { mux: 1 as never } }, 'rookeryGrpc.mux'],
    [{ client: { mux: null as never } }, 'forFeature("probe").mux'],
    [{ clientRoot: { mux: { maxMessageBytes: 0 } } }, 'forRoot.mux.maxMessageBytes'],
    [{ clientRoot: { mux: { maxConcurrent: 1.5 } } }, 'forRoot.mux.maxConcurrent'],
    [{ clientRoot: { mux: { maxMesageBytes: 1 } as never } }, 'forRoot.mux.maxMesageBytes'],
    [{ client: { url: '127.0.0.1:1', mux: true } }, 'forFeature("probe").mux'],
  ])('is refused with its place where it makes no sense: %o', async (how, path) => {
    await expect(ends(how)).rejects.toMatchObject({ code: 'ROOKERY_OPTION_INVALID', path });
  });
});
