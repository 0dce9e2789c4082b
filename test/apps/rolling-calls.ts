import { Metadata, type ChannelOptions } from '@grpc/grpc-js';
import { Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, Transport, type ClientGrpc } from '@nestjs/microservices';
import { getServiceToken, RookeryModule, type AsyncClient } from 'rookery';
import { firstValueFrom, type Observable } from 'rxjs';
import type { ClientKind } from '../support/rolling/report.js';
import { probe, type Answer, type Probe, type Question } from './contracts.js';

/** Longer than any call takes, ms: a call that hangs must fail. */
const TIMEOUT_MS = 10_000;

/** The probe's calls by one client; what they reject with is a gRPC ServiceError. */
export interface ProbeCalls extends AsyncDisposable {
  ask(question: Question): Promise<Answer>;
  follow(question: Question, onAnswer: (answer: Answer) => void): Promise<void>;
}

/** @param target the addresses for a client that cannot find them */
export function makeCalls(kind: ClientKind, target: string): Promise<ProbeCalls> {
  const channelOptions = kind.endsWith('-retries-off') ? { 'grpc.enable_retries': 0 } : {};
  return kind.startsWith('stock')
    ? stockCalls(target, channelOptions)
    : rookeryCalls(channelOptions, kind.includes('mux'));
}

async function rookeryCalls(channelOptions: ChannelOptions, mux: boolean): Promise<ProbeCalls> {
  @Module({
    imports: [RookeryModule.forRoot({ mux }), RookeryModule.forFeature([{ service: probe('probe'), channelOptions }])],
  })
  class ClientModule {}
  const app = await open(ClientModule);
  const client: AsyncClient<Probe> = app.get(getServiceToken('probe', 'Probe'));
  const options = { timeoutMs: TIMEOUT_MS };
  return {
    ask: (question) => client.ask(question, options),
    async follow(question, onAnswer) {
      for await (const answer of client.follow(question, options)) onAnswer(answer);
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** As good as stock gets: it knows every address, and spreads its calls over those that are connected. */
async function stockCalls(url: string, own: ChannelOptions): Promise<ProbeCalls> {
  const roundRobin = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });
  const channelOptions = { ...own, 'grpc.service_config': roundRobin };
  const options = { url, package: 'probe', protoPath: 'test/apps/proto/probe.proto', channelOptions };
  @Module({ imports: [ClientsModule.register([{ name: 'probe', transport: Transport.GRPC, options }])] })
  class ClientModule {}
  const app = await open(ClientModule);
  const client = app.get<ClientGrpc>('probe').getService<StockProbe>('Probe');
  const timeout = () => ({ deadline: Date.now() + TIMEOUT_MS });
  return {
    ask: (question) => firstValueFrom(client.ask(question, new Metadata(), timeout())),
    follow: (question, onAnswer) => client.follow(question, new Metadata(), timeout()).forEach(onAnswer),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

type StockMethod = (question: Question, metadata: Metadata, options: object) => Observable<Answer>;
type StockProbe = Record<'ask' | 'follow', StockMethod>;

function open(module: Type): Promise<INestApplicationContext> {
  return NestFactory.createApplicationContext(module, { logger: ['warn', 'error'] });
}
