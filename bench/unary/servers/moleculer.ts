/** A service of Moleculer. */
import type { Context } from 'moleculer';
import { makeBroker } from '../broker.js';
import type { Query, Text } from '../contract.js';
import { handlers } from '../handlers.js';
import { serve } from './serve.js';

serve(async (port) => {
  const broker = makeBroker(`server-${port}`, port);
  broker.createService({
    name: 'echo',
    actions: {
      echo: (context: Context<Text>) => handlers.echo(context.params),
      list: (context: Context<Query>) => handlers.list(context.params),
      hold: () => handlers.hold(),
    },
  });
  await broker.start();
});
