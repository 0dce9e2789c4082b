/** Calls actions of Moleculer, as it balances them by default. */
import { makeBroker } from '../broker.js';
import type { Echo, Items, Query, Text } from '../contract.js';
import { runClient } from './run-client.js';

runClient(async (): Promise<Echo> => {
  const broker = makeBroker('client');
  await broker.start();
  await broker.waitForServices('echo', 20_000);
  return {
    echo: (text) => broker.call<Text, Text>('echo.echo', text),
    list: (query) => broker.call<Items, Query>('echo.list', query),
    hold: (query) => broker.call<Text, Query>('echo.hold', query),
  };
});
