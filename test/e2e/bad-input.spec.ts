import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { defineService, Rookery, RookeryModule, type RookeryModuleOptions } from 'rookery';
import { memory } from 'rookery/registries';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { probe } from '../apps/contracts.js';
import { controllerOf, refused, RefusalStage } from '../support/refusal-stage.js';

let stage: RefusalStage;
beforeEach(() => void (stage = new RefusalStage()));
afterEach(() => stage.close());

describe('a bad registry is refused', () => {
  const forms = /Use one of memory: \| local: .*etcd:\/\//;

  it.each<[string, RegExp]>([
    ['redis://10.0.0.1', /there is no registry "redis:"/],
    ['10.0.0.1:2379', /found "\*\*\*": it has no scheme/],
    ['', /it has no scheme/],
    ['etcd:', /must be followed by \/\//],
    ['etcd://', /a host is empty/],
    ['etcd://h1:2379,,h2', /a host is empty/],
    ['etcd://h1:99999', /port/],
    ['etcd://user:p%zz@h1', /etcd:\/\/\*\*\*@h1.*percent-encoding/],
    ['etcd://user:pass@h1:port', /port/],
    ['memory:x', /nothing may follow/],
    ['local:a/b', /local:a\/b/],
    ['static:users', /<service>=<host:port>/],
  ])('as the URL %s', async (registry, found) => {
    for (const [path, fn] of [
      ['forRoot.registry', () => stage.root({ registry })],
      ['env ROOKERY_REGISTRY', () => stage.rootIn({ ROOKERY_REGISTRY: registry })],
    ] as const) {
      // An empty variable counts as unset.
      if (registry === '' && path !== 'forRoot.registry') continue;
      await refused(fn, { code: 'ROOKERY_REGISTRY_URL_INVALID', path, remedy: forms });
      await refused(fn, { code: 'ROOKERY_REGISTRY_URL_INVALID', path, remedy: found });
    }
  });

  it('as something that is none', async () => {
    await refused(() => stage.root({ registry: { hosts: ['h1'] } as never }), {
      code: 'ROOKERY_OPTION_INVALID',
      path: 'forRoot.registry',
      remedy: 'Pass a registry such as etcd({ hosts })',
    });
    await refused(() => stage.root({ registry: null as never }), {
      code: 'ROOKERY_OPTION_INVALID',
      path: 'forRoot.registry',
      remedy: 'Pass a registry',
    });
  });

  it('and none of its secrets is told', async () => {
    const told = await stage.root({ registry: 'etcd://user:geheim@h1:port' }).catch(({ message }: Error) => message);
    expect(told).not.toContain('geheim');
  });

  it('but every good URL is taken', async () => {
    for (const registry of [
      'etcd://h1',
      'etcd://h1:2379,h2:2380/prefix',
      'etcds://user:p%40ss@[fd00::1]:2379',
      'static:users=10.0.0.1:1',
      'memory:',
    ]) {
      const app = await stage.root({ registry });
      expect(app.get(Rookery).registry.name).not.toContain('p%40ss');
      expect(inspect(app.get(Rookery), { depth: 9 })).not.toContain('p@ss');
      expect(JSON.stringify(app.get(Rookery))).toContain('"registrations":[]');
      await app.close();
    }
  });

  it('by its namespace, its register mode and a second forRoot', async () => {
    const names = 'Use 1 to 63 letters';
    await refused(() => stage.root({ registry: 'memory:', namespace: 'a b' }), {
      code: 'ROOKERY_NAME_INVALID',
      path: 'forRoot.namespace',
      remedy: names,
    });
    await refused(() => stage.rootIn({ VITEST: '1', ROOKERY_NAMESPACE: 'a/b' }), {
      code: 'ROOKERY_NAME_INVALID',
      path: 'env ROOKERY_NAMESPACE',
      remedy: names,
    });
    await refused(() => stage.root({ registry: 'memory:' }), {
      code: 'ROOKERY_NAME_INVALID',
      path: 'env ROOKERY_NAMESPACE',
      remedy: names,
    });
    await refused(() => stage.root({ register: 'yes' as never }), {
      code: 'ROOKERY_OPTION_INVALID',
      path: 'forRoot.register',
      remedy: "Use 'auto', 'manual' or 'never'.",
    });
    await refused(() => stage.client(RookeryModule.forRoot({ registry: memory() })), {
      code: 'ROOKERY_MODULE_DUPLICATE',
      path: 'RookeryModule.forRoot',
      remedy: 'in the root module only',
    });
  });

  it('where it takes no registrations', async () => {
    const module = stage.module({ root: { registry: 'static:probe=127.0.0.1:1' }, controllers: [controllerOf()] });
    await refused(() => stage.listening({ service: probe('probe') }, module), {
      code: 'ROOKERY_REGISTRY_READONLY',
      path: 'registry',
      remedy: "set register: 'never'",
    });
  });
});

describe('where no registry is named', () => {
  const unset = {
    code: 'ROOKERY_REGISTRY_UNSET',
    path: 'registry',
    remedy: /RookeryModule\.forRoot\({ registry: etcd\(.*ROOKERY_REGISTRY=etcd:\/\//,
  };

  it.each([
    { NODE_ENV: 'production' },
    { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
    { NODE_ENV: 'production', ROOKERY_REGISTRY: '' },
  ])('production refuses to start (%o)', async (env) => {
    await refused(() => stage.rootIn(env), unset);
  });

  it('under vitest it is the one of this process', async () => {
    const app = await stage.root({ registry: undefined } as unknown as RookeryModuleOptions);
    expect(app.get(Rookery).registry.name).toBe('memory:');
  });

  it('a process in production ends with the code, and without a stack of somebody else', async () => {
    const { VITEST: _v, JEST_WORKER_ID: _j, ROOKERY_REGISTRY: _r, ...env } = process.env;
    const child = spawn(process.execPath, ['dist/test/apps/probe-server.js'], {
      env: { ...env, NODE_ENV: 'production', NO_COLOR: '1' },
    });
    const [[code], out, err] = await Promise.all([
      once(child, 'exit') as Promise<[number | null]>,
      text(child.stdout),
      text(child.stderr),
    ]);
    expect(`${out}${err}`).toContain(
      'ROOKERY_REGISTRY_UNSET at registry: found no registry, and this looks like production (NODE_ENV=production).',
    );
    expect([code === 0, out.includes('listening')]).toEqual([false, false]);
  });
});

describe('a bad weight is refused', () => {
  const wrong = (path: string) => ({
    code: 'ROOKERY_WEIGHT_INVALID',
    path,
    remedy: 'Use a whole number from 0 to 10000',
  });

  it.each([-1, 1.5, 10_001, Number.NaN])('%s, wherever it is said', async (weight) => {
    await refused(() => controllerOf('probe', { weight }), wrong('@RegisterService on BadController.weight'));
    await refused(
      () => stage.serve({ service: probe('probe'), instance: { weight } }),
      wrong('rookeryGrpc.instance.weight'),
    );
    vi.stubEnv('ROOKERY_WEIGHT', String(weight));
    await refused(() => stage.root({}), wrong('env ROOKERY_WEIGHT'));
  });
});

describe('a bad name is refused', () => {
  const wrong = (path: string) => ({
    code: 'ROOKERY_NAME_INVALID',
    path,
    remedy: 'Use 1 to 63 letters, digits, dots, underscores or hyphens',
  });
  const { package: packages, protoPath } = probe('probe') as { package: string; protoPath: string };

  it.each(['', 'user/server', 'user server'])('%o, wherever it is said', async (name) => {
    await refused(
      () => defineService({ name, package: packages, protoPath }),
      wrong(`defineService(${JSON.stringify(name)}).name`),
    );
    await refused(() => controllerOf(name), wrong('@RegisterService on BadController, name'));
    await refused(() => stage.serve({ service: name, package: packages, protoPath }), wrong('rookeryGrpc.service'));
    await refused(() => stage.feature({ service: name, package: packages, protoPath }), wrong('forFeature[0].service'));
  });

  it('of a group', async () => {
    await refused(
      () => stage.serve({ service: probe('probe'), instance: { group: '*' } }),
      wrong('rookeryGrpc.instance.group'),
    );
    await refused(() => stage.feature({ service: probe('probe'), group: 'a b' }), wrong('forFeature("probe").group'));
  });
});
