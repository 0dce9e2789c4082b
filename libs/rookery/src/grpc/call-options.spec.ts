import { describe, expect, it } from 'vitest';
import { checkCallOptions } from './call-options.js';

describe('the options of a call', () => {
  const check = (options: object) => () => checkCallOptions(options, () => 'call of users (user.Users/Get), options');

  it.each([
    [{ gruop: 'canary' }, 'gruop', 'group'],
    [{ groups: 'canary' }, 'groups', 'group'],
    [{ timeout: 1 }, 'timeout', 'timeoutMs'],
    [{ deadlin: 1 }, 'deadlin', 'deadline'],
    [{ sginal: 1 }, 'sginal', 'signal'],
  ])('are refused where one is misspelt, each time: %o', (options, key, near) => {
    const refusal = expect.objectContaining({
      message: `ROOKERY_OPTION_INVALID at call of users (user.Users/Get), options.${key}: there is no such option. Did you mean \`${near}\`?`,
    }) as Error;
    expect(check(options)).toThrow(refusal);
    expect(check(options)).toThrow(refusal);
  });

  it('are refused where one is a lane', () => {
    expect(check({ lane: 'canary' })).toThrow(
      'options.lane: there is no such option. Make the call in the lane: withLane',
    );
  });

  it('may hold those of grpc-js, and what an interceptor of the user reads', () => {
    expect(check({ group: 'a', deadline: 1, interceptors: [], tenant: 'x', 'x-audit': true })).not.toThrow();
  });

  it('may be many', () => {
    for (let i = 0; i < 1200; i += 1) expect(check({ [`tenant/${i}/of-many`]: 1 })).not.toThrow();
    expect(check({ gruop: 'a' })).toThrow('Did you mean');
  });
});
