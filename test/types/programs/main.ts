/** A service and its clients in one process: prints what they answer. */
import { NestFactory } from '@nestjs/core';
import { registryFromUrl } from 'rookery/registries';
import { clientModule, UserReader } from './client.js';
import { plainName } from './plain.js';
import { startService } from './service.js';

const registry = () => registryFromUrl('memory:');
const service = await startService(registry());
const client = await NestFactory.createApplicationContext(clientModule(registry()), { logger: ['error'] });
const users = client.get(UserReader);

const answers = {
  byId: (await users.byId(1, new AbortController().signal)).name,
  names: await users.names(),
  count: await users.count(),
  echo: await users.echo(),
  inLane: (await users.inLane(2)).name,
  byObservable: (await users.byObservable(0)).name,
  byClient: (await users.byClient(1)).name,
  refused: await users.refused(),
  plain: await plainName(registry(), 2),
};
await client.close();
await service.close();
console.log(`answers ${JSON.stringify(answers)}`);
