import { describe, expect, it } from 'vitest';
import { isProduction, productionSign } from './production.js';

describe('production', () => {
  it.each([
    [{ NODE_ENV: 'production' }, 'NODE_ENV=production'],
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'KUBERNETES_SERVICE_HOST'],
    [{ NODE_ENV: 'production', KUBERNETES_SERVICE_HOST: '10.0.0.1' }, 'NODE_ENV=production'],
    [{ NODE_ENV: 'development', KUBERNETES_SERVICE_HOST: '' }, undefined],
    [{}, undefined],
  ])('is told by the environment: %j', (env, sign) => {
    expect([productionSign(env), isProduction(env)]).toEqual([sign, sign !== undefined]);
  });
});
