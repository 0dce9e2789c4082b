import { describe, expect, it } from 'vitest';
import { parseServiceList, type ServiceList } from './service-list.js';

const parse = (value: unknown, before?: ServiceList) =>
  parseServiceList(JSON.stringify(value), { place: 'services.json', unix: true, before });
const shown = ({ services }: ServiceList) =>
  Object.fromEntries([...services].map(([name, found]) => [name, [...found.values()].map(({ address }) => address)]));
const told = ({ malformed }: ServiceList) => malformed.map(({ message }) => message);

describe('a list of services', () => {
  it('is an array of entries that name their services', () => {
    const full = {
      service: 'users',
      address: 'h:1',
      id: 'a',
      group: 'canary',
      weight: 3,
      zone: 'z',
      version: '2',
      secure: true,
      peer: 1,
      metadata: { k: 'v' },
    };
    const list = parse([full, { service: 'shop', address: '[::1]:2' }, { service: 'users', address: 'h:2' }]);
    expect(shown(list)).toEqual({ users: ['h:1', 'h:2'], shop: ['[::1]:2'] });
    expect(list.services.get('users')?.get('a')).toMatchObject(full);
    expect(list.services.get('users')?.get('h-2')).toMatchObject({ weight: 100, group: '', peer: 0, status: 'up' });
    expect(list.malformed).toEqual([]);
  });

  it('is an object of services, whose entries may be mere addresses', () => {
    const list = parse({ users: ['h:1', { address: 'h:2', weight: 0 }, 'h:1'], nobody: [] });
    expect(shown(list)).toEqual({ users: ['h:1', 'h:2', 'h:1'], nobody: [] });
    expect([...list.services.get('users')!.keys()]).toEqual(['h-1', 'h-2', 'h-1-2']);
  });

  it('may begin with a byte order mark', () => {
    expect(parseServiceList('\uFEFF[]', { place: 'x', unix: false })).toEqual({ services: new Map(), malformed: [] });
  });

  it.each([
    ['', 'found text that is no JSON'],
    ['{"users":["h:1"', 'found text that is no JSON'],
    ['null', 'found null instead of a list'],
    ['"users"', 'found "users" instead of a list'],
    [`[${' '.repeat(16 * 1024 * 1024)}]`, 'found 16777218 bytes'],
  ])('is refused as a whole where it is none: %.20s', (text, found) => {
    expect(() => parseServiceList(text, { place: 'services.json', unix: true })).toThrow(
      `ROOKERY_ENTRY_MALFORMED at services.json: ${found}`,
    );
  });

  it.each([
    [{ error: 'db down' }, 'services.json.error: found "db down" instead of a list.'],
    [{ code: 500 }, 'services.json.code: found 500 instead of a list.'],
    [{ instances: null }, 'services.json.instances: found null instead of a list.'],
    [{ data: [{ service: 's', address: 'h:1' }] }, 'services.json.data[0].service: found "s" in the list of "data".'],
    [[{ service: 's', addr: 'h:1' }, 5], 'services.json[0].address: found undefined.'],
    [{ s: [{ addr: 'h:1' }], t: [] }, 'services.json.s[0].address: found undefined.'],
  ])('is refused as a whole where nothing in it can be read: %j', (value, reason) => {
    const message = `ROOKERY_ENTRY_MALFORMED at services.json: found nothing in it that can be read: ${reason}`;
    expect(() => parse(value)).toThrow(message);
    expect(() => parse(value, parse({ s: ['h:2'] }))).toThrow(message);
  });

  it.each([[[]], [{}], [{ s: [] }]])('may be of nobody: %j', (value) => {
    const list = parse(value, parse({ s: ['h:1'] }));
    expect(list.services.get('s')?.size ?? 0).toBe(0);
    expect(list.malformed).toEqual([]);
  });

  it.each([
    [{ instances: ['h:1'], total: 1 }, ['h:1']],
    [{ s: ['h:1'], others: 'x' }, ['h:1']],
    [{ s: [] }, []],
    [[], undefined],
    [{}, undefined],
  ])('of one service may be %j', (value, found) => {
    const list = parseServiceList(JSON.stringify(value), { place: 'x', unix: false, service: 's' });
    expect(shown(list)['s']).toEqual(found);
    expect(list.malformed).toEqual([]);
  });

  it.each([{ data: ['h:1'] }, { data: [] }, { error: 'db down' }, { instances: null }])(
    'of one service is refused where nothing is said of it: %j',
    (value) => {
      const text = JSON.stringify(value);
      expect(() => parseServiceList(text, { place: 'x', unix: false, service: 's' })).toThrow(
        'ROOKERY_ENTRY_MALFORMED at x: found an object without `instances` and without `s`. The last good list stays.',
      );
    },
  );

  it.each([
    [{ address: 'h:2', weight: -1 }, 'services.json[1].weight: found -1. Use a whole number'],
    [{ address: 'nowhere' }, 'services.json[1].address: found "nowhere".'],
    [{ address: 'h:2', id: 'h-1' }, 'services.json[1].id: found "h-1" for the second time.'],
    [{ address: 'h:2', secure: 'yes' }, 'services.json[1].secure: found "yes". Use true or false.'],
    [{ address: 'h:2', peer: '1' }, 'services.json[1].peer: found "1".'],
    [{ address: 'h:2', metadata: { a: 1 } }, 'services.json[1].metadata.a: found 1.'],
    [{ address: 'h:2', service: 'a/b' }, 'services.json[1].service: found "a/b".'],
    [{ address: 'h:2', service: undefined }, 'services.json[1].service: it is missing.'],
  ])('skips one entry alone, and names the place: %j', (wrong, message) => {
    const list = parse([
      { service: 's', address: 'h:1' },
      { service: 's', ...wrong },
      { service: 's', address: 'h:3' },
    ]);
    expect(shown(list)).toEqual({ s: ['h:1', 'h:3'] });
    expect(told(list)).toEqual([expect.stringContaining(`ROOKERY_ENTRY_MALFORMED at ${message}`)]);
    expect(told(list)[0]).toMatch(/ It is skipped\.$/);
  });

  it.each([1, null, [], 'nowhere', 'users'])('takes %j for no entry', (wrong) => {
    expect(shown(parse([wrong, { service: 's', address: 'h:1' }]))).toEqual({ s: ['h:1'] });
    const list = parse({ s: [wrong, 'h:1'] });
    expect(shown(list)).toEqual({ s: ['h:1'] });
    expect(told(list)[0]).toContain('services.json.s[0]');
  });

  it('skips a service that is no list, or has no name of one, alone', () => {
    const list = parseServiceList('{"a/b":["h:1"],"c":"h:1","__proto__":["h:1"],"d":["h:1"]}', {
      place: 'f',
      unix: true,
    });
    expect(shown(list)).toEqual({ d: ['h:1'] });
    expect(told(list).map((each) => each.split(':')[0])).toEqual(
      ['f.a/b', 'f.c', 'f.__proto__'].map((place) => `ROOKERY_ENTRY_MALFORMED at ${place}`),
    );
  });

  it('keeps what it said before of an entry that cannot be read now', () => {
    const before = parse({ users: [{ address: 'h:1', weight: 5 }, 'h:2'], shop: ['h:3'] });
    const after = parse({ users: ['h:2', { address: 'h:1', weight: '5' }], shop: 'h:3' }, before);
    expect(shown(after)).toEqual({ users: ['h:2', 'h:1'], shop: ['h:3'] });
    expect(after.services.get('users')?.get('h-1')?.weight).toBe(5);
    expect(told(after)).toEqual([
      expect.stringMatching(/users\[1\]\.weight: found "5"\. .* The last good value stays\.$/),
      'ROOKERY_ENTRY_MALFORMED at services.json.shop: found "h:3" instead of a list. The last good value stays.',
    ]);
  });

  it('leaves out fields that nobody knows, and tells of those that look misspelt', () => {
    const list = parse([{ service: 's', address: 'h:1', wieght: 5, owner: 'me' }]);
    expect(list.services.get('s')?.get('h-1')?.weight).toBe(100);
    expect(told(list)).toEqual([
      'ROOKERY_ENTRY_MALFORMED at services.json[0].wieght: there is no such field. Did you mean `weight`? It is left out.',
    ]);
  });

  it('takes sockets of this machine only where it is said to', () => {
    const text = '{"s":["unix:/run/s.sock","h:1"]}';
    expect(shown(parseServiceList(text, { place: 'x', unix: true }))).toEqual({ s: ['unix:/run/s.sock', 'h:1'] });
    const strict = parseServiceList(text, { place: 'x', unix: false });
    expect(shown(strict)).toEqual({ s: ['h:1'] });
    expect(told(strict)[0]).toContain('x.s[0].address: found "unix:/run/s.sock", a socket of this machine.');
  });

  it('tells of the first mistakes of many', () => {
    const list = parse({ s: ['h:1', ...Array.from({ length: 1000 }, () => 'nowhere')] });
    expect(list.malformed).toHaveLength(21);
    expect(told(list)[20]).toContain('and 980 more that cannot be read');
  });

  it('numbers as many entries of one address as there are, around the ids that are given', () => {
    const list = parse({ s: [{ address: 'x:1', id: 'h-1-4' }, ...Array.from({ length: 9 }, () => 'h:1')] });
    const ids = [...list.services.get('s')!.keys()];
    expect(new Set(ids).size).toBe(10);
    const many = parse({ s: Array.from({ length: 5000 }, () => 'h:1') });
    expect([...many.services.get('s')!.keys()].at(-1)).toBe('h-1-5000');
  });
});
