import { RegisterService, RookeryModule } from 'rookery';
import { memory } from 'rookery/registries';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probe } from '../apps/contracts.js';
import { refused, RefusalStage } from '../support/refusal-stage.js';

let stage: RefusalStage;
beforeEach(() => void (stage = new RefusalStage()));
afterEach(() => stage.close());

describe('an option that nobody reads is refused', () => {
  const code = 'ROOKERY_OPTION_INVALID';
  const service = probe('probe');
  /** As from a factory or a configuration, where the compiler does not see what is too much. */
  const loose = (options: object) => options as never;

  it('in forRoot', async () => {
    await refused(() => stage.root(loose({ registery: memory() })), {
      code,
      path: 'forRoot.registery',
      remedy: 'Did you mean `registry`?',
    });
  });

  it.each([
    [{ weight: 3 }, 'rookeryGrpc.weight', 'There are: service, '],
    [{ registerWait: 1 }, 'rookeryGrpc.registerWait', 'Did you mean `registerWaitMs`?'],
    [{ instance: { wieght: 3 } }, 'rookeryGrpc.instance.wieght', 'Did you mean `weight`?'],
    [{ stop: { drain: 3 } }, 'rookeryGrpc.stop.drain', 'Did you mean `drainMs`?'],
    [{ options: { url: '127.0.0.1:0' } }, 'rookeryGrpc.options', 'Write them without the nesting'],
  ])('in rookeryGrpc: %o', async (options, path, remedy) => {
    await refused(() => stage.serve(loose({ service, ...options })), { code, path, remedy });
    await refused(() => stage.serve({ useFactory: () => loose({ service, ...options }) }), { code, path, remedy });
  });

  it('in @RegisterService', async () => {
    class Controller {}
    const path = '@RegisterService on Controller.wait';
    await refused(() => RegisterService('probe', loose({ wait: 3 }))(Controller), { code, path, remedy: 'There are' });
    await refused(() => RegisterService(loose({ wait: 3 }))(Controller), { code, path, remedy: 'There are' });
  });

  it('in forFeature, and where there is no list', async () => {
    await refused(() => RookeryModule.forFeature([loose({ service, timeout: 100 })]), {
      code,
      path: 'forFeature[0].timeout',
      remedy: 'Did you mean `timeoutMs`?',
    });
    await refused(() => RookeryModule.forFeature(service as never), {
      code,
      path: 'RookeryModule.forFeature',
      remedy: 'Pass a list: forFeature([Users]).',
    });
  });

  it('in what a factory makes', async () => {
    const settings = () =>
      stage.context(
        stage.module({
          controllers: [],
          imports: [RookeryModule.forFeatureAsync([{ service, useFactory: () => loose({ groups: 'canary' }) }])],
        }),
      );
    await refused(settings, { code, path: 'forFeature("probe").groups', remedy: 'Did you mean `group`?' });
    const root = () => stage.context(RookeryModule.forRootAsync({ useFactory: () => undefined as never }));
    await refused(root, { code, path: 'RookeryModule.forRoot', remedy: '{} is enough' });
  });

  it('while everything that exists is taken', () => {
    expect(() => RookeryModule.forFeature([{ service, group: 'a', timeoutMs: 1 }])).not.toThrow();
  });
});
