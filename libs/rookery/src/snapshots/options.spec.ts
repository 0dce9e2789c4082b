import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkCacheOptions } from './options.js';

describe('the options of the cache', () => {
  it('are a folder, and an age that defaults to a day', () => {
    expect(checkCacheOptions({ dir: '/var/lib/app' })).toEqual({ dir: '/var/lib/app', maxAgeMs: 86_400_000 });
    expect(checkCacheOptions({ dir: 'snapshots', maxAgeMs: Infinity })).toEqual({
      dir: resolve('snapshots'),
      maxAgeMs: Infinity,
    });
  });

  it.each([
    [true, 'cache', 'true'],
    ['/var/lib/app', 'cache', '"/var/lib/app"'],
    [null, 'cache', 'null'],
    [[], 'cache', 'an array'],
    [{}, 'cache.dir', 'undefined'],
    [{ dir: '' }, 'cache.dir', '""'],
    [{ dir: 7 }, 'cache.dir', '7'],
    [{ dir: 'a\0b' }, 'cache.dir', '"a'],
    [{ dir: '/a', maxAgeMs: 0 }, 'cache.maxAgeMs', '0'],
    [{ dir: '/a', maxAgeMs: NaN }, 'cache.maxAgeMs', 'NaN'],
    [{ dir: '/a', maxAgeMs: '1d' }, 'cache.maxAgeMs', '"1d"'],
    [{ dir: '/a', maxAge: 1 }, 'cache.maxAge', 'Did you mean `maxAgeMs`?'],
    [{ directory: '/a' }, 'cache.directory', 'There are: dir, maxAgeMs.'],
  ])('refuse %o by name', (options, path, text) => {
    expect(() => checkCacheOptions(options)).toThrow(
      expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path, message: expect.stringContaining(text) }),
    );
  });
});
