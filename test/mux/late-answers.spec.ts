import {
  loadPackageDefinition,
  status,
  type sendUnaryData,
  type Server,
  type ServerUnaryCall,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import {
  defineService,
  getClientToken,
  getServiceToken,
  RookeryModule,
  type AsyncClient,
  type RookeryClient,
} from 'rookery';
import { eventually } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import type { Entry, Ledger } from '../apps/mux-ledger.js';
import { NestStage } from '../support/nest-stage.js';

type Call = ServerUnaryCall<Entry, Entry>;
type Handler = (call: Call, answer: sendUnaryData<Entry>) => void;

/** Added to the server of the probe: a service that Nest knows nothing of. */
const Added = defineService<{ Ledger: Ledger }>({
  name: 'probe',
  package: 'ledger',
  protoPath: 'test/apps/proto/ledger.proto',
});
const never: Handler = () => {};
const whenCancelled: Handler = (call, answer) => call.on('cancelled', () => answer(null, call.request));
const beforeItThrows: Handler = (call, answer) => {
  answer(null, call.request);
  throw new Error('thrown after the answer');
};
/** By the number of the call. */
const HANDLERS = [never, whenCancelled, beforeItThrows];

describe('a handler of the user that answers twice', () => {
  let stage: NestStage;
  let begun: number;
  beforeEach(() => {
    begun = 0;
    stage = new NestStage();
  });
  afterEach(() => stage.close());

  async function start() {
    const definition = loadPackageDefinition(loadSync('test/apps/proto/ledger.proto', { defaults: true }));
    const { service } = (definition['ledger'] as never as { readonly Ledger: { readonly service: never } }).Ledger;
    const Enter: Handler = (call, answer) => {
      begun += 1;
      HANDLERS[call.request.number]!(call, answer);
    };
    const onLoadPackageDefinition = (_: unknown, server: Server) => server.addService(service, { Enter } as never);
    const options = { service: probe('probe'), stop: { drainMs: 100 }, onLoadPackageDefinition };
    const { app } = await stage.listening(options, stage.module({ root: { mux: true } }));
    const imports = [RookeryModule.forFeature([Added])];
    const context = await stage.context(stage.module({ root: { mux: true }, imports, controllers: [] }));
    // Over mux from here on: the connection is there.
    await context.get<RookeryClient>(getClientToken('probe')).waitForReady();
    const client: AsyncClient<Ledger> = context.get(getServiceToken(Added, 'Ledger'));
    const ask = (handler: Handler) =>
      client.enter({ number: HANDLERS.indexOf(handler) }).then(
        () => status.OK,
        ({ code }: ServiceError) => code,
      );
    return { app, ask };
  }

  it('spoils no other call when it answers as its server ends it', async () => {
    const { app, ask } = await start();
    const calls = [never, whenCancelled, never, never].map(ask);
    await eventually(() => expect(begun).toBe(4));
    await app.close();
    const [first, late, ...others] = await Promise.all(calls);
    expect([first, ...others]).toEqual([status.UNAVAILABLE, status.UNAVAILABLE, status.UNAVAILABLE]);
    expect([status.OK, status.UNAVAILABLE]).toContain(late);
  });

  it('spoils no other call when it throws after its answer', async () => {
    const { app, ask } = await start();
    const others = [ask(never), ask(never)];
    await eventually(() => expect(begun).toBe(2));
    expect(await ask(beforeItThrows)).toBe(status.OK);
    await app.close();
    expect(await Promise.all(others)).toEqual([status.UNAVAILABLE, status.UNAVAILABLE]);
  });
});
