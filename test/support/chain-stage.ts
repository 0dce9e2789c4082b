import { Controller, type Provider, type Type } from '@nestjs/common';
import { GrpcMethod, GrpcStreamCall, GrpcStreamMethod } from '@nestjs/microservices';
import type { Metadata, ServerDuplexStream } from '@grpc/grpc-js';
import {
  defineService,
  getClientToken,
  RegisterService,
  RookeryModule,
  UNGROUPED,
  type AsyncClient,
  type ClientFeature,
  type Compat,
  type LaneOption,
  type RequestStream,
  type RookeryClient,
  type ServiceRef,
} from 'rookery';
import type { Observable } from 'rxjs';
import { NestStage } from './nest-stage.js';
import type { Text } from './streams-stage.js';

export type Call = ServerDuplexStream<Text, Text>;

/** What a server does with its calls; whoever is not given cannot be called. */
export interface Handling {
  ask(question: Text, metadata: Metadata, call: Call): unknown;
  list(question: Text, metadata: Metadata, call: Call): unknown;
  sum(texts: RequestStream<Text>, metadata: Metadata, call: Call): unknown;
  echo(texts: RequestStream<Text>, metadata: Metadata, call: Call): unknown;
  raw(call: Call): unknown;
}

/** The methods of the contract, as Promises and AsyncIterables. */
export interface Streams {
  ask(question: Text): Promise<Text>;
  list(question: Text): AsyncIterable<Text>;
  sum(texts: AsyncIterable<Text>): Promise<Text>;
  echo(texts: AsyncIterable<Text>): AsyncIterable<Text>;
  raw(texts: AsyncIterable<Text>): AsyncIterable<Text>;
}

/** As Nest's own clients have them. */
export interface ObservableStreams {
  ask(question: Text, options?: object): Observable<Text>;
  list(question: Text): Observable<Text>;
}

export interface ServeOptions {
  readonly group?: string;
  /** The clients that it has. */
  readonly clients?: readonly ClientFeature[];
  readonly providers?: readonly Provider[];
  readonly lanes?: LaneOption;
  readonly compat?: Compat;
}

/** A client of the contract, of whatever service. */
export interface ChainClient {
  readonly streams: AsyncClient<Streams>;
  readonly observables: ObservableStreams;
  readonly client: RookeryClient<any>;
}

export function chain(name: string): ServiceRef<{ Streams: Streams }> {
  return defineService<{ Streams: Streams }>({ name, package: 'streams', protoPath: 'test/apps/proto/streams.proto' });
}

/** Services of one contract that call each other, each a Nest application in this process. */
export class ChainStage extends NestStage {
  /** Starts an instance; it is registered when this resolves. */
  async serve(service: string, handling: Partial<Handling>, settings: ServeOptions = {}) {
    const { clients = [], providers = [], group = UNGROUPED, ...options } = settings;
    const module = this.module({
      imports: clients.length > 0 ? [RookeryModule.forFeature([...clients])] : [],
      controllers: [controllerOf(handling)],
      providers: [...providers],
    });
    const { app, port } = await this.listening({ service: chain(service), instance: { group }, ...options }, module);
    return { app, port, client: (name: string) => clientIn(app, name) };
  }

  /** An application that serves nothing. */
  async caller(...features: ClientFeature[]): Promise<(name: string) => ChainClient> {
    const app = await this.client(RookeryModule.forFeature(features));
    return (name) => clientIn(app, name);
  }
}

function controllerOf(handling: Partial<Handling>): Type {
  @Controller()
  @RegisterService()
  class ChainController {
    @GrpcMethod('Streams', 'Ask')
    ask(...args: Parameters<Handling['ask']>) {
      return handling.ask!(...args);
    }

    @GrpcMethod('Streams', 'List')
    list(...args: Parameters<Handling['list']>) {
      return handling.list!(...args);
    }

    @GrpcStreamMethod('Streams', 'Sum')
    sum(...args: Parameters<Handling['sum']>) {
      return handling.sum!(...args);
    }

    @GrpcStreamMethod('Streams', 'Echo')
    echo(...args: Parameters<Handling['echo']>) {
      return handling.echo!(...args);
    }

    @GrpcStreamCall('Streams', 'Raw')
    raw(...args: Parameters<Handling['raw']>) {
      return handling.raw!(...args);
    }
  }
  return ChainController;
}

function clientIn(app: { get(token: unknown): unknown }, name: string): ChainClient {
  const client = app.get(getClientToken(name)) as RookeryClient<{ Streams: Streams }>;
  return {
    client,
    streams: client.getAsyncService('Streams') as AsyncClient<Streams>,
    observables: client.getService<ObservableStreams>('Streams'),
  };
}
