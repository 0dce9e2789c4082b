import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  credentials,
  loadPackageDefinition,
  type Client,
  type GrpcObject,
  type Metadata,
  type ServerDuplexStream,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Controller, Inject, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  GrpcMethod,
  GrpcStreamCall,
  GrpcStreamMethod,
  Transport,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import { defineService, RegisterService, rookeryGrpc, type RequestStream } from 'rookery';
import { eventually } from 'rookery/testing';
import { expect } from 'vitest';
import { NestStage } from './nest-stage.js';
import { RefusalStage } from './refusal-stage.js';

/** Nest's own server or client, ours that keeps its behaviour, and ours. */
export type Kind = 'nest' | 'compat' | 'rookery';

export interface Text {
  text?: string;
  n?: number;
}

type Call = ServerDuplexStream<Text, Text>;

/** What the methods of the controller do; the spec says it. */
export interface Handlers {
  ask(question: Text, metadata: Metadata, call: Call): unknown;
  clear(question: Text): unknown;
  list(question: Text, metadata: Metadata, call: Call): unknown;
  sum(texts: RequestStream<Text>, metadata: Metadata, call: Call): unknown;
  echo(texts: RequestStream<Text>, metadata: Metadata, call: Call): unknown;
  raw(call: Call): unknown;
}

export const STREAMS = { package: 'streams', protoPath: 'test/apps/proto/streams.proto' };
export const streams = defineService({ name: 'streams', ...STREAMS });

/** A grpc-js client of the method's own names. */
export type RawClient = Client & Record<'Ask' | 'Clear' | 'List' | 'Sum' | 'Echo' | 'Raw', (...args: any[]) => any>;

/** Servers of one controller, whose methods do what `handlers` says, under a socket's path. */
export class StreamsStage extends RefusalStage {
  readonly handlers: Partial<Handlers> = {};
  readonly #clients: RawClient[] = [];

  override async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.close();
    await super.close();
  }

  /** Where a new server listens. */
  async start(
    kind: Kind,
    { controllers = [StreamsController], providers: own = [], configure = () => {} }: StartOptions = {},
  ): Promise<string> {
    const url = `unix:${join(tmpdir(), `rookery-${randomUUID()}.sock`)}`;
    const providers = [{ provide: NestStage, useValue: this }, ...own];
    const [module, options] =
      kind === 'nest'
        ? [
            { module: class {}, controllers, providers },
            { transport: Transport.GRPC, options: { ...STREAMS, url } },
          ]
        : [
            this.module({ controllers, providers: own }),
            rookeryGrpc({ service: streams, url, ...(kind === 'compat' && { compat: 'nest' }) }),
          ];
    const app = await NestFactory.createMicroservice<MicroserviceOptions>(
      module as unknown as Type,
      { ...options, ...this.options } as MicroserviceOptions,
    );
    this.apps.push(app);
    configure(app);
    await app.listen();
    return url;
  }

  raw(url: string): RawClient {
    const { streams: found } = loadPackageDefinition(loadSync(STREAMS.protoPath)) as Record<string, GrpcObject>;
    const Made = found!['Streams'] as ServiceClientConstructor;
    const client = new Made(url, credentials.createInsecure()) as unknown as RawClient;
    this.#clients.push(client);
    return client;
  }
}

interface StartOptions {
  readonly controllers?: Type[];
  readonly providers?: Type[];
  readonly configure?: (app: INestMicroservice) => void;
}

@Controller()
@RegisterService()
export class StreamsController {
  constructor(@Inject(NestStage) private readonly stage: StreamsStage) {}

  @GrpcMethod('Streams', 'Ask')
  ask(...args: Parameters<Handlers['ask']>) {
    return this.stage.handlers.ask!(...args);
  }

  @GrpcMethod('Streams', 'Clear')
  clear(...args: Parameters<Handlers['clear']>) {
    return this.stage.handlers.clear!(...args);
  }

  @GrpcMethod('Streams', 'List')
  list(...args: Parameters<Handlers['list']>) {
    return this.stage.handlers.list!(...args);
  }

  @GrpcStreamMethod('Streams', 'Sum')
  sum(...args: Parameters<Handlers['sum']>) {
    return this.stage.handlers.sum!(...args);
  }

  @GrpcStreamMethod('Streams', 'Echo')
  echo(...args: Parameters<Handlers['echo']>) {
    return this.stage.handlers.echo!(...args);
  }

  @GrpcStreamCall('Streams', 'Raw')
  raw(...args: Parameters<Handlers['raw']>) {
    return this.stage.handlers.raw!(...args);
  }
}

export interface Outcome {
  /** Of the error, if there was one. */
  readonly code?: number;
  readonly details?: string;
  readonly messages?: readonly (Text | undefined)[];
}

/** How a call with one answer ends. */
export function answered(
  start: (done: (error: ServiceError | null, answer?: Text) => void) => unknown,
): Promise<Outcome> {
  return new Promise((resolve) =>
    start((error, answer) =>
      resolve(error ? { code: error.code, details: error.details } : { messages: [answer ?? undefined] }),
    ),
  );
}

/** How a call with many answers ends, and what came before. */
export function streamed(call: NodeJS.ReadableStream): Promise<Outcome> {
  const messages: Text[] = [];
  return new Promise((resolve) => {
    call.on('data', (message: Text) => messages.push(message));
    call.on('end', () => resolve({ messages }));
    call.on('error', (error) => {
      const { code, details } = error as ServiceError;
      resolve({ code, details, messages });
    });
  });
}

/**
 * What nobody handles while `fn` runs, each of which would end the process: Node's default. The runner's own listeners do
 * not hear of it.
 */
export async function unhandledIn(fn: (unhandled: readonly unknown[]) => Promise<unknown>): Promise<unknown[]> {
  const events = ['unhandledRejection', 'uncaughtException'] as const;
  const before = events.map((event) => [event, process.listeners(event as 'uncaughtException')] as const);
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);
  for (const event of events) process.removeAllListeners(event).on(event, note);
  try {
    await fn(unhandled);
    await turns();
    // RxJS throws what a subscriber threw from a timer, which may be behind many turns that have none.
    await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    for (const [event, listeners] of before) {
      process.removeAllListeners(event);
      for (const listener of listeners) process.on(event, listener);
    }
  }
  return unhandled;
}

/** Gives what is on its way in this process the time to arrive. */
export async function turns(n = 20): Promise<void> {
  for (let i = 0; i < n; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A count, once it has stopped growing: it stayed the same through many turns, with calls between. */
export async function settled(count: () => number, call: () => Promise<unknown>): Promise<number> {
  let last = -1;
  await eventually(async () => {
    const before = count();
    for (let i = 0; i < 20; i += 1) await call();
    last = count();
    expect(last).toBe(before);
  });
  return last;
}
