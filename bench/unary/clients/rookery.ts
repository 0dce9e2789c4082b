/** The `AsyncClient` of `forFeature`, as users have it injected. */
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getServiceToken, RookeryModule, type AsyncClient } from 'rookery';
import { ECHO, type Echo } from '../contract.js';
import { rootOptions } from '../mux.js';
import { runClient } from './run-client.js';

/** A held call waits for thousands of others, ms; all others have the default. */
const HOLD_MS = 120_000;

@Module({ imports: [RookeryModule.forRoot(rootOptions()), RookeryModule.forFeature([ECHO])] })
class ClientModule {}

runClient(async (): Promise<Echo> => {
  const app = await NestFactory.createApplicationContext(ClientModule, { logger: ['warn', 'error'] });
  const client: AsyncClient<Echo> = app.get(getServiceToken('echo', 'Echo'));
  const held = { timeoutMs: HOLD_MS };
  return {
    echo: (text) => client.echo(text),
    list: (query) => client.list(query),
    hold: (query) => client.hold(query, held),
  };
});
