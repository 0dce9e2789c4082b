import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  Server,
  ServerCredentials,
  status,
  type ClientReadableStream,
  type ChannelCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { expect } from 'vitest';
import type { Directory } from '../core/directory.js';
import { createInstance, type InstanceOptions, type ServiceInstance } from '../core/instance.js';
import type { Registration } from '../core/registration.js';
import type { ServiceView } from '../core/view.js';
import { memory } from '../registries/memory.js';
import { eventually } from '../testing/eventually.js';
import type { RookeryCallError } from './call-error.js';
import { channelOptions, type DiscoveryChannelOptions } from './channel-options.js';
import type { RookeryCallOptions } from './call-options.js';
import { createDirectory } from './directory.js';
import type { StagedHealth } from './health.stage.js';
import { PEER_SERVICE, type HostedService } from './peer.js';

const text = {
  requestSerialize: (value: string) => Buffer.from(value),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (value: string) => Buffer.from(value),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};
export const WHO = {
  Ask: { path: '/who.Who/Ask', requestStream: false, responseStream: false, ...text },
  Follow: { path: '/who.Who/Follow', requestStream: false, responseStream: true, ...text },
} as const;

const open: (() => unknown)[] = [];

/** Closes whatever the spec has opened, the last one first. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).toReversed()) await close();
}

/** Has it closed after the spec. */
export function closing(close: () => unknown): void {
  open.push(close);
}

export interface ServerSettings {
  readonly port?: number;
  /** What its answer to Hello says. */
  readonly draining?: boolean;
  /** What it answers to Hello instead of what Hello answers. */
  readonly helloBytes?: Buffer;
  /** Its health service; default none. */
  readonly health?: StagedHealth;
  /** Default none. */
  readonly credentials?: ServerCredentials;
  /** What `Ask` fails with, if it does. */
  readonly fails?: () => Partial<ServiceError> | undefined;
}

/**
 * A gRPC server that answers with its name and, where it is one of ours, says who it is. `Follow` gives its name and
 * then fails with the request as details, or goes on for ever where the request is `hang`.
 */
export async function startServer(name: string, hosted?: HostedService[], settings: ServerSettings = {}) {
  const { port = 0, draining = false, helloBytes, health } = settings;
  const server = new Server();
  const peers = new Set<string>();
  let sessions = 0;
  let asked = 0;
  server.addService(WHO, {
    Ask: (
      call: ServerUnaryCall<string, string>,
      done: (error: Partial<ServiceError> | null, value?: string) => void,
    ) => {
      asked += 1;
      peers.add(call.getPeer());
      const error = settings.fails?.();
      if (error) done(error);
      else done(null, `${name}:${call.request}`);
    },
    Follow: (call: ServerWritableStream<string, string>) => {
      call.write(name);
      if (call.request !== 'hang') call.emit('error', { code: status.FAILED_PRECONDITION, details: call.request });
    },
  });
  if (hosted) {
    const { Hello } = PEER_SERVICE;
    const answer = { version: 1, services: hosted, draining };
    server.addService(
      { Hello: { ...Hello, ...(helloBytes && { responseSerialize: () => helloBytes }) } },
      {
        Hello: (_: unknown, done: (error: null, value: object) => void) => {
          sessions += 1;
          done(null, answer);
        },
      },
    );
  }
  health?.addTo(server);
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(`127.0.0.1:${port}`, settings.credentials ?? ServerCredentials.createInsecure(), (error, p) =>
      error ? reject(error) : resolve(p),
    ),
  );
  closing(() => server.forceShutdown());
  return {
    port: bound,
    hellos: () => sessions,
    calls: () => asked,
    /** Over which calls came. */
    connections: () => peers.size,
    stop: () => server.forceShutdown(),
    /** Resolves when every stream has ended. */
    drain: () => new Promise<void>((resolve, reject) => server.tryShutdown((e) => (e ? reject(e) : resolve()))),
  };
}

export type StartedServer = Awaited<ReturnType<typeof startServer>>;

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const { port, stop } = await startServer('gone');
  stop();
  return port;
}

type Ask = (options?: RookeryCallOptions, metadata?: Metadata) => Promise<string>;

/** The service `who`: its registry, its servers and its clients. */
export function fleet(given?: Directory) {
  const registry = memory();
  const directory = given ?? createDirectory(registry);
  closing(() => registry[Symbol.asyncDispose]());
  closing(() => directory[Symbol.asyncDispose]());
  let n = 0;
  const entry = (
    options: InstanceOptions & { port: number; peer?: number; id?: string; secure?: boolean },
  ): ServiceInstance => {
    const { port, id = `i${++n}`, ...rest } = options;
    return createInstance({ ...rest, id, generation: `g-${id}`, service: 'who', address: `127.0.0.1:${port}` });
  };
  const add = async (
    name: string,
    options: InstanceOptions & { secure?: boolean } = {},
    settings: ServerSettings = {},
  ): Promise<{ server: StartedServer; claim: Registration }> => {
    const id = `i${++n}`;
    const hosted = { name: 'who', group: options.group ?? '', id, generation: `g-${id}` };
    const server = await startServer(name, [hosted], settings);
    const claim = registry.register(entry({ ...options, port: server.port, peer: 1, id }));
    return { server, claim };
  };
  const client = (
    options: DiscoveryChannelOptions = {},
    target = 'discovery:///who',
    creds: ChannelCredentials = credentials.createInsecure(),
  ) => {
    const Client = makeGenericClientConstructor(WHO, 'Who');
    const made = new Client(target, creds, channelOptions(directory, options));
    closing(() => made.close());
    return made;
  };
  const dial = (...options: Parameters<typeof client>): Ask => asking(client(...options));
  const follow = (request: string, options: RookeryCallOptions = {}) => {
    const made = client();
    return (made['Follow']!.bind(made) as (...args: unknown[]) => ClientReadableStream<string>)(request, options);
  };
  return { registry, directory, entry, add, client, dial, follow };
}

/** Calls of a client of `who`. */
export function asking(client: InstanceType<ReturnType<typeof makeGenericClientConstructor>>): Ask {
  const method = client['Ask']!.bind(client) as (...args: unknown[]) => void;
  return (options = {}, metadata = new Metadata()) =>
    new Promise((resolve, reject) =>
      method('hi', metadata, options, (error: ServiceError | null, value: string) =>
        error ? reject(error) : resolve(value),
      ),
    );
}

/** Of `n` calls, how many each server has answered, or each status has ended. */
export async function tally(n: number, ask: () => Promise<string>): Promise<Record<string, number>> {
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
export const warm = (ask: () => Promise<string>, names: number) =>
  eventually(async () => expect(Object.keys(await tally(names * 4, ask))).toHaveLength(names));

export const known = (view: ServiceView) =>
  view.status === 'known' ? view.instances : new Map<string, ServiceInstance>();

export const failure = (promise: Promise<unknown>): Promise<RookeryCallError> =>
  promise.then(
    () => expect.unreachable(),
    (error) => error as RookeryCallError,
  );

/** A listener that accepts connections and says nothing: neither connected nor failed. */
export async function startMute() {
  const { createServer } = await import('node:net');
  let connections = 0;
  const mute = createServer(() => (connections += 1)).listen(0, '127.0.0.1');
  closing(() => mute.close());
  await new Promise((resolve) => mute.once('listening', resolve));
  return { port: (mute.address() as { port: number }).port, connections: () => connections };
}
