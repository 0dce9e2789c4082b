import { describe, expect, it } from 'vitest';
import { defaultRegistry } from './default.js';

describe('defaultRegistry', () => {
  it.each([
    [{}, 'local:default'],
    [{ NODE_ENV: 'development' }, 'local:default'],
    [{ ROOKERY_REGISTRY: '' }, 'local:default'],
    [{ ROOKERY_NAMESPACE: 'dev' }, 'local:dev'],
    [{ VITEST: 'true' }, 'memory:'],
    [{ JEST_WORKER_ID: '1', NODE_ENV: 'production' }, 'memory:'],
    [{ ROOKERY_REGISTRY: 'static:s=h:1', VITEST: 'true' }, 'static:s=h:1'],
    [{ ROOKERY_REGISTRY: 'local:', NODE_ENV: 'production' }, 'local:default'],
    [{ ROOKERY_REGISTRY: 'local:', ROOKERY_NAMESPACE: 'dev', ROOKERY_TTL_MS: '5000' }, 'local:dev'],
  ])('%j gives %s', (env, name) => {
    expect(defaultRegistry(env).name).toBe(name);
  });

  it('prefers the namespace that it is given', () => {
    expect(defaultRegistry({ ROOKERY_NAMESPACE: 'env' }, 'option').name).toBe('local:option');
  });

  it.each([[{ NODE_ENV: 'production' }], [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }]])(
    'refuses to guess in production: %j',
    (env) => {
      const act = () => defaultRegistry(env);
      expect(act).toThrow(
        `ROOKERY_REGISTRY_UNSET at registry: found no registry, and this looks like production (${Object.keys(env)[0]}`,
      );
      expect(act).toThrow('ROOKERY_REGISTRY=etcd://10.0.0.1:2379');
      expect(act).toThrow('forRoot({ registry: etcd(');
    },
  );

  it.each([
    [{ ROOKERY_REGISTRY: 'redis:x' }, 'ROOKERY_REGISTRY_URL_INVALID at env ROOKERY_REGISTRY'],
    [{ ROOKERY_NAMESPACE: 'a b' }, 'ROOKERY_NAME_INVALID at env ROOKERY_NAMESPACE'],
    [{ ROOKERY_TTL_MS: '20s' }, 'ROOKERY_OPTION_INVALID at env ROOKERY_TTL_MS: found "20s".'],
    [{ ROOKERY_TTL_MS: '1' }, 'ROOKERY_OPTION_INVALID at env ROOKERY_TTL_MS: found "1".'],
  ])('names the variable that is wrong: %j', (env, message) => {
    expect(() => defaultRegistry(env)).toThrow(message);
  });
});
