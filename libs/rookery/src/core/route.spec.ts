import { describe, expect, it } from 'vitest';
import { checkGroups, checkRoute, checkRouteChange, DEFAULT_ROUTE, parseRoute, sameRoute } from './route.js';

describe('checkGroups', () => {
  it('takes one group or an ordered list', () => {
    expect(checkGroups('A', 'group')).toEqual(['A']);
    expect(checkGroups('', 'group')).toEqual(['']);
    expect(checkGroups(['A', '', '*'], 'group')).toEqual(['A', '', '*']);
  });

  it.each([
    [[], 'ROOKERY_OPTION_INVALID at group: found an empty list.'],
    [['A', 'a b'], 'ROOKERY_NAME_INVALID at group[1]: found "a b".'],
    ['a/b', 'ROOKERY_NAME_INVALID at group: found "a/b".'],
    [undefined, 'ROOKERY_NAME_INVALID at group: found undefined.'],
  ])('refuses %j', (groups, message) => {
    expect(() => checkGroups(groups as never, 'group')).toThrow(message);
  });
});

describe('parseRoute', () => {
  it.each([
    { type: 'any' },
    { type: 'prefer', groups: ['canary', ''] },
    { type: 'split', shares: { A: 1, B: 0, '': 2.5 } },
  ])('%j', (route) => {
    expect(parseRoute(JSON.stringify({ ...route, future: 1 }), 'routes/s')).toEqual(route);
  });

  it.each([
    '',
    'null',
    '5',
    '{}',
    '{"type":"new"}',
    '{"type":"prefer"}',
    '{"type":"prefer","groups":[]}',
    '{"type":"prefer","groups":["a b"]}',
    '{"type":"prefer","groups":"a"}',
    '{"type":"split"}',
    '{"type":"split","shares":{}}',
    '{"type":"split","shares":{"A":0}}',
    '{"type":"split","shares":{"A":-1,"B":2}}',
    '{"type":"split","shares":{"A":"1"}}',
    '{"type":"split","shares":{"*":1}}',
    '{"type":"split","shares":{"a b":1}}',
  ])('refuses %s', (text) => {
    expect(() => parseRoute(text, 'routes/s')).toThrow(/^ROOKERY_ENTRY_MALFORMED at routes\/s: (found|route)/);
  });

  it.each([
    ['{', 'found "{".'],
    ['{"type":"new"}', `route.type: found "new". Use 'prefer', 'split' or 'any'.`],
    [`{"type":"split","note":"${'x'.repeat(99)}","shares":{"A":-1}}`, 'route.shares.A: found -1. Use a number of'],
  ])('says what is wrong in %s', (text, found) => {
    expect(() => parseRoute(text, 'routes/s')).toThrow(`ROOKERY_ENTRY_MALFORMED at routes/s: ${found}`);
  });
});

describe('checkRoute', () => {
  it.each([
    { type: 'any' },
    { type: 'prefer', groups: ['canary', '', '*'] },
    { type: 'split', shares: { stable: 90, canary: 0, '': 0.5 } },
  ])('takes %j, and what is done to it later does not count', (route) => {
    const checked = checkRoute(route);
    expect(checked).toEqual(route);
    expect(checked).not.toBe(route);
    expect(Object.isFrozen(checked) && Object.values(checked).every(Object.isFrozen)).toBe(true);
  });

  it.each([
    [null, 'ROOKERY_OPTION_INVALID at route: found null.'],
    ['any', 'ROOKERY_OPTION_INVALID at route: found "any".'],
    [['canary'], 'ROOKERY_OPTION_INVALID at route: found an array.'],
    [{}, 'ROOKERY_OPTION_INVALID at route.type: found undefined.'],
    [{ type: 'both' }, 'ROOKERY_OPTION_INVALID at route.type: found "both".'],
    [{ type: 'any', shares: {} }, 'ROOKERY_OPTION_INVALID at route.shares: there is no such option.'],
    [
      { type: 'split', share: { A: 1 }, shares: { A: 1 } },
      'route.share: there is no such option. Did you mean `shares`?',
    ],
    [{ type: 'prefer' }, 'ROOKERY_OPTION_INVALID at route.groups: it is missing. Use a list'],
    [{ type: 'prefer', groups: 'a' }, 'ROOKERY_OPTION_INVALID at route.groups: found "a". Use a list'],
    [{ type: 'prefer', group: ['a'] }, 'route.group: there is no such option. Did you mean `groups`?'],
    [{ type: 'prefer', groups: [] }, 'ROOKERY_OPTION_INVALID at route.groups: found an empty list.'],
    [{ type: 'prefer', groups: ['A', 'a b'] }, 'ROOKERY_NAME_INVALID at route.groups[1]: found "a b".'],
    [{ type: 'split' }, 'ROOKERY_OPTION_INVALID at route.shares: it is missing. Use an object'],
    [{ type: 'split', shares: [1] }, 'ROOKERY_OPTION_INVALID at route.shares: found an array. Use an object'],
    [{ type: 'split', shares: {} }, 'ROOKERY_OPTION_INVALID at route.shares: found shares whose sum is 0.'],
    [{ type: 'split', shares: { A: 0, B: 0 } }, 'ROOKERY_OPTION_INVALID at route.shares: found shares whose sum is 0.'],
    [{ type: 'split', shares: { A: 1, canary: -1 } }, 'ROOKERY_OPTION_INVALID at route.shares.canary: found -1.'],
    [{ type: 'split', shares: { canary: NaN } }, 'ROOKERY_OPTION_INVALID at route.shares.canary: found NaN.'],
    [{ type: 'split', shares: { canary: Infinity } }, 'ROOKERY_OPTION_INVALID at route.shares.canary: found Infinity.'],
    [
      { type: 'split', shares: { A: 1e308, B: 1e308 } },
      'ROOKERY_OPTION_INVALID at route.shares: found shares whose sum',
    ],
    [{ type: 'split', shares: { '': '5' } }, `ROOKERY_OPTION_INVALID at route.shares.'': found "5".`],
    [
      { type: 'split', shares: { '*': 1 } },
      'ROOKERY_NAME_INVALID at route.shares.*: found "*". Any group has no share of its own',
    ],
    [JSON.parse('{"type":"split","shares":{"__proto__":1}}'), 'ROOKERY_NAME_INVALID at route.shares.__proto__'],
    [
      { type: 'prefer', groups: Array.from({ length: 2000 }, (_, i) => `group-${i}`) },
      /ROOKERY_OPTION_INVALID at route: found a route of \d+ characters\. Use at most 16384/,
    ],
  ])('refuses %j', (route, message) => {
    expect(() => checkRoute(route)).toThrow(message);
  });

  it('asks for a service by name, and takes nothing for no route', () => {
    expect(checkRouteChange('s', undefined)).toBeUndefined();
    expect(() => checkRouteChange('a/b', undefined)).toThrow('ROOKERY_NAME_INVALID at service: found "a/b".');
    expect(() => checkRouteChange('s', null as never)).toThrow('ROOKERY_OPTION_INVALID at route: found null.');
  });
});

describe('sameRoute', () => {
  it('compares what routes say', () => {
    expect(sameRoute(undefined, undefined)).toBe(true);
    expect(sameRoute(DEFAULT_ROUTE, { type: 'prefer', groups: [''] })).toBe(true);
    expect(sameRoute(DEFAULT_ROUTE, { type: 'any' })).toBe(false);
    expect(sameRoute(DEFAULT_ROUTE, undefined)).toBe(false);
  });
});
