import { describe, expect, it } from 'vitest';
import { ERROR_CODES, messageOf, reasonOf, RookeryError, show } from './errors.js';

describe('RookeryError', () => {
  it('says which, where, what was found, and what to do', () => {
    const cause = new Error('inner');
    const error = new RookeryError('ROOKERY_WEIGHT_INVALID', {
      path: 'instance.weight',
      found: 'found -1.',
      remedy: 'Use 0.',
      cause,
    });
    expect(error).toMatchObject({
      code: 'ROOKERY_WEIGHT_INVALID',
      name: 'RookeryError',
      path: 'instance.weight',
      cause,
    });
    expect(error.message).toBe('ROOKERY_WEIGHT_INVALID at instance.weight: found -1. Use 0.');
    expect(new RookeryError('ROOKERY_NAME_INVALID', { found: 'found x.', remedy: 'Use y.' }).message).toBe(
      'ROOKERY_NAME_INVALID: found x. Use y.',
    );
  });

  it('has codes of one form, each with one sentence', () => {
    for (const [code, meaning] of Object.entries(ERROR_CODES)) {
      expect(code).toMatch(/^ROOKERY(_[A-Z]+){2,3}$/);
      expect(meaning).toMatch(/^.+\.$/);
    }
  });
});

describe('show', () => {
  it.each([
    ['a', '"a"'],
    ['line\nbreak', '"line\\nbreak"'],
    ['x'.repeat(100), `"${'x'.repeat(77)}…"`],
    [1.5, '1.5'],
    [Number.NaN, 'NaN'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [[1], 'an array'],
    [{}, 'an object'],
    [() => 0, 'a function'],
    [1n, 'a bigint'],
  ])('%s', (value, text) => {
    expect(show(value)).toBe(text);
  });
});

describe('reasonOf', () => {
  const error = (path?: string, cause?: unknown) =>
    new RookeryError('ROOKERY_NAME_INVALID', { ...(path && { path }), found: 'found x.', remedy: 'Use y.', cause });

  it('is what was wrong at the root, and where', () => {
    expect(reasonOf(error())).toBe('found x. Use y.');
    expect(reasonOf(error('outer', error('route.groups[1]')))).toBe('route.groups[1]: found x. Use y.');
    expect(reasonOf(error('outer', new Error('a')))).toBe('a');
    expect(reasonOf('b')).toBe('b');
  });
});

describe('messageOf', () => {
  it('reads anything that was thrown', () => {
    expect([new Error('a'), 'b', undefined].map(messageOf)).toEqual(['a', 'b', 'undefined']);
  });
});
