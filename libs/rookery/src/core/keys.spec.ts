import { describe, expect, it } from 'vitest';
import { checkKeys } from './keys.js';

describe('checkKeys', () => {
  const known = { weight: true, group: true, timeoutMs: true } as const;

  it('lets known options pass, whatever their value', () => {
    expect(() => checkKeys({ weight: undefined, group: 1 }, known, 'instance')).not.toThrow();
  });

  it.each([
    ['wieght', 'weight'],
    ['groups', 'group'],
    ['timeout', 'timeoutMs'],
  ])('refuses %s and thinks of %s', (wrong, right) => {
    expect(() => checkKeys({ [wrong]: 1 }, known, 'instance')).toThrow(
      `ROOKERY_OPTION_INVALID at instance.${wrong}: there is no such option. Did you mean \`${right}\`?`,
    );
  });

  it('names what there is where nothing is near', () => {
    expect(() => checkKeys({ colour: 1 }, known, '')).toThrow(
      'ROOKERY_OPTION_INVALID at colour: there is no such option. There are: weight, group, timeoutMs.',
    );
  });
});
