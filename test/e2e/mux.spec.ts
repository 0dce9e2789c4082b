import { status } from '@grpc/grpc-js';
import { getClientToken, RookeryModule, type RookeryClient } from 'rookery';
import { memory } from 'rookery/registries';
import { afterEach, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { NestStage } from '../support/nest-stage.js';

let stage: NestStage;
afterEach(() => stage.close());

it('carries calls', async () => {
  stage = new NestStage(memory());
  const Probe = probe('probe');
  await stage.listening({ service: Probe }, stage.module({ name: 'a', root: { mux: true } }));
  const app = await stage.context(
    stage.module({ root: { mux: true }, imports: [RookeryModule.forFeature([Probe])], controllers: [] }),
  );
  const client: RookeryClient = app.get(getClientToken('probe'));
  await client.waitForReady();
  const service = client.getAsyncService('Probe') as never as { ask(q: object, o?: object): Promise<{ name: string }> };
  for (let i = 0; i < 20; i += 1) console.log(await service.ask({}));
  console.log(await Promise.all(Array.from({ length: 1000 }, () => service.ask({ delayMs: 0 }))).then((a) => a.length));
  console.log(await service.ask({}, { metadata: { 'x-name': 'meta' } }));
  await expect(service.ask({ delayMs: 1000 }, { timeoutMs: 100 })).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  const error = await service.ask({ delayMs: 1000 }, { timeoutMs: 100 }).catch((e: Error) => e);
  console.log(error);
});
