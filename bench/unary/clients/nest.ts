/** Nest's own gRPC client; over several addresses as good as it gets: it knows all and uses round_robin. */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, Transport, type ClientGrpc } from '@nestjs/microservices';
import { firstValueFrom, type Observable } from 'rxjs';
import { PROTO, type Echo, type Items, type Query, type Text } from '../contract.js';
import { runClient } from './run-client.js';

interface NestEcho {
  echo(text: Text): Observable<Text>;
  list(query: Query): Observable<Items>;
  hold(query: Query): Observable<Text>;
}

const ROUND_ROBIN = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

runClient(async (addresses): Promise<Echo> => {
  const several = addresses.length > 1 && { channelOptions: { 'grpc.service_config': ROUND_ROBIN } };
  const options = { url: `ipv4:${addresses.join(',')}`, ...PROTO, ...several };
  @Module({ imports: [ClientsModule.register([{ name: 'echo', transport: Transport.GRPC, options }])] })
  class ClientModule {}
  const app = await NestFactory.createApplicationContext(ClientModule, { logger: ['warn', 'error'] });
  const client = app.get<ClientGrpc>('echo').getService<NestEcho>('Echo');
  return {
    echo: (text) => firstValueFrom(client.echo(text)),
    list: (query) => firstValueFrom(client.list(query)),
    hold: (query) => firstValueFrom(client.hold(query)),
  };
});
