import { describe, expect, it } from 'vitest';
import { checkGroups, DEFAULT_ROUTE, parseRoute, sameRoute } from './route.js';

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
    '{"type":"split"}',
    '{"type":"split","shares":{}}',
    '{"type":"split","shares":{"A":0}}',
    '{"type":"split","shares":{"A":-1,"B":2}}',
    '{"type":"split","shares":{"A":"1"}}',
    '{"type":"split","shares":{"*":1}}',
    '{"type":"split","shares":{"a b":1}}',
  ])('refuses %s', (text) => {
    expect(() => parseRoute(text, 'routes/s')).toThrow('ROOKERY_ENTRY_MALFORMED at routes/s: found');
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
