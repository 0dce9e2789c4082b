import { describe, expect, it } from 'vitest';
import { stopLimits } from './stop-limits.js';

const kubernetes = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };

describe('stopLimits', () => {
  it.each([
    [undefined, { NODE_ENV: 'production' }, { drainMs: 20_000, streamMs: 20_000 }],
    [undefined, kubernetes, { drainMs: 20_000, streamMs: 20_000 }],
    [undefined, {}, { drainMs: 10_000, streamMs: 500 }],
    [{ drainMs: 100 }, kubernetes, { drainMs: 100, streamMs: 100 }],
    [{ streamMs: 100 }, kubernetes, { drainMs: 20_000, streamMs: 100 }],
    [{ drainMs: 100 }, {}, { drainMs: 100, streamMs: 500 }],
  ])('gives running calls the time that the environment asks for: %j in %j', (options, env, limits) => {
    expect(stopLimits(options, env)).toEqual(limits);
  });
});
