/** Nest's TCP client, which knows one address. */
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import type { Echo, Items, Text } from '../contract.js';
import { runClient } from './run-client.js';

runClient(async ([address = '']): Promise<Echo> => {
  const [host = '', port] = address.split(':');
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port: Number(port) } });
  await client.connect();
  return {
    echo: (text) => firstValueFrom(client.send<Text>('echo', text)),
    list: (query) => firstValueFrom(client.send<Items>('list', query)),
    hold: (query) => firstValueFrom(client.send<Text>('hold', query)),
  };
});
