import {
  defineService,
  getClientToken,
  getServiceToken,
  RegisterService,
  RookeryModule,
  type RookeryClient,
} from 'rookery';
import { etcd } from 'rookery/etcd';
import { channelOptions, createDirectory } from 'rookery/grpc';
import { local, memory, staticRegistry } from 'rookery/registries';
import { firstValueFrom } from 'rxjs';
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

  it('in the cache of forRoot, and of createDirectory', async () => {
    const dir = '/nowhere';
    const wrong = { code, path: 'cache.maxAge', remedy: 'Did you mean `maxAgeMs`?' };
    await refused(() => stage.root({ cache: loose({ dir, maxAge: 1 }) }), wrong);
    await refused(() => createDirectory(stage.registry, { cache: loose({ dir, maxAge: 1 }) }), wrong);
    await refused(() => createDirectory(stage.registry, loose({ cash: { dir } })), {
      code,
      path: 'createDirectory.cash',
      remedy: 'Did you mean `cache`?',
    });
    await refused(() => stage.root({ cache: loose({ dir: 7 }) }), { code, path: 'cache.dir', remedy: 'Name a folder' });
  });

  it('in applications that share a registry, and not where its views are kept', async () => {
    const registry = memory();
    await stage.root({ registry, cache: { dir: '/nowhere/a' } });
    await stage.root({ registry });
    await stage.root({ registry, cache: { dir: '/nowhere/a' } });
    const path = 'cache';
    await refused(() => stage.root({ registry, cache: { dir: '/nowhere/b' } }), { code, path, remedy: 'Say the same' });
  });

  it.each([
    [{ weight: 3 }, 'rookeryGrpc.weight', 'There are: service, '],
    [{ registerWait: 1 }, 'rookeryGrpc.registerWait', 'Did you mean `registerWaitMs`?'],
    [{ instance: { wieght: 3 } }, 'rookeryGrpc.instance.wieght', 'Did you mean `weight`?'],
    [{ stop: { drain: 3 } }, 'rookeryGrpc.stop.drain', 'Did you mean `drainMs`?'],
    [{ options: { url: '127.0.0.1:0' } }, 'rookeryGrpc.options', 'Write them without the nesting'],
    [{ lane: 'ignore' }, 'rookeryGrpc.lane', 'Did you mean `lanes`?'],
    [{ lanes: { acept: ['canary'] } }, 'rookeryGrpc.lanes.acept', 'Did you mean `accept`?'],
    [{ lanes: ['canary'] }, 'rookeryGrpc.lanes', "Use 'ignore', or { accept: ['canary'] }"],
    [{ lanes: 'accept' }, 'rookeryGrpc.lanes', "Use 'ignore', or { accept: ['canary'] }"],
    [{ lanes: { accept: 'canary' } }, 'rookeryGrpc.lanes.accept', 'Name the lanes that may be chosen'],
    [{ lanes: { accept: [] } }, 'rookeryGrpc.lanes.accept', 'Name the lanes that may be chosen'],
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

  it.each<[string, () => unknown, string, string]>([
    ['etcd()', () => etcd(loose({ host: 'h', ttl: 5 })), 'registry.host', 'Did you mean `hosts`?'],
    ['etcd()', () => etcd(loose({ hosts: 'h', ttl: 5 })), 'registry.ttl', 'Did you mean `ttlMs`?'],
    [
      'etcd()',
      () => etcd(loose({ hosts: 'h', tls: { rootCa: '' } })),
      'registry.tls.rootCa',
      'There are: ca, cert, key',
    ],
    ['etcd()', () => etcd(loose(undefined as never)), 'registry', 'Pass options'],
    ['local()', () => local(loose({ dir: '/tmp' })), 'registry.dir', 'There are: namespace, directory'],
    [
      'staticRegistry()',
      () => staticRegistry([loose({ service: 'a', address: 'h:1', wieght: 3 })]),
      'registry[0].wieght',
      'Did you mean `weight`?',
    ],
    [
      'defineService()',
      () => defineService(loose({ name: 'a', packge: 'a', protoPath: 'x' })),
      'defineService("a").packge',
      'Did you mean `package`?',
    ],
    [
      'forRootAsync()',
      () => RookeryModule.forRootAsync(loose({ useFactry: () => ({}) })),
      'forRootAsync.useFactry',
      'Did you mean `useFactory`?',
    ],
    ['forRootAsync()', () => RookeryModule.forRootAsync({}), 'forRootAsync', 'Pass one of them'],
    [
      'channelOptions()',
      () => channelOptions(createDirectory(memory()), loose({ helthCheck: true })),
      'channelOptions.helthCheck',
      'Did you mean `healthCheck`?',
    ],
    [
      'the ejection of channelOptions()',
      () => channelOptions(createDirectory(memory()), { ejection: loose({ consecutive: 3 }) }),
      'channelOptions.ejection.consecutive',
      'Did you mean `consecutiveFailures`?',
    ],
    [
      'the ejection of forRoot()',
      () => stage.root({ ejection: loose({ maxEjection: 3 }) }),
      'forRoot.ejection.maxEjection',
      'Did you mean `maxEjectionMs`?',
    ],
    [
      'channelOptions(), a time to warm up',
      () => channelOptions(createDirectory(memory()), { warmUpMs: -1 }),
      'channelOptions.warmUpMs',
      'Use milliseconds',
    ],
  ])('in %s', async (_, fn, path, remedy) => {
    await refused(fn, { code, path, remedy });
  });

  it('in a call, and in what a client starts from', async () => {
    const app = await stage.feature(service);
    const place = 'call of probe (probe.Probe/Ask), options';
    const misspelt = loose({ gruop: 'canary' });
    const wrong = (path: string) => ({ code, path: `${path}.gruop`, remedy: 'Did you mean `group`?' });
    await refused(() => app.get(getServiceToken('probe', 'Probe')).ask({}, misspelt), wrong(place));
    const client = app.get<RookeryClient>(getClientToken('probe'));
    await refused(() => firstValueFrom(client.getService<any>('Probe').ask({}, misspelt)), wrong(place));
    await refused(() => client.with(misspelt), wrong('client of probe, with'));
  });

  it('while everything that exists is taken', () => {
    expect(() => RookeryModule.forFeature([{ service, group: 'a', timeoutMs: 1 }])).not.toThrow();
  });
});
