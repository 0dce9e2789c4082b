import { describe, expect, it } from 'vitest';
import { createInstance } from '../../core/instance.js';
import { RookeryDialect } from './dialects/rookery.js';
import { decodeEntry, encodeEntry, type Entry } from '../entry/entry.js';
import { MAX_VALUE_BYTES } from '../entry/json-value.js';
import { Layout } from './layout.js';

const dialect = new RookeryDialect('rookery');
const keys = new Layout('rookery', [dialect], [dialect]).keysOf('user-server');
const key = 'rookery/services/user-server/a1';
const instance = createInstance({
  id: 'a1',
  service: 'user-server',
  address: '10.0.0.1:50051',
  generation: 'g1',
  peer: 1,
  zone: 'eu',
  version: '1.2',
  metadata: { k: 'v' },
});
const text =
  '{"Op":0,"Addr":"10.0.0.1:50051","Metadata":null,"v":1,"gen":"g1","service":"user-server","weight":100,"group":"",' +
  '"status":"up","peer":1,"secure":false,"zone":"eu","version":"1.2","pinned":[],"meta":{"k":"v"}}';

function decode(value: string | object, id = 'a1'): Entry {
  return decodeEntry(key, 'user-server', id, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}

describe('keys', () => {
  it('separates what foreign clients may see from what has a group', () => {
    expect(dialect.entryKey(instance)).toBe(key);
    expect(dialect.entryKey({ ...instance, group: 'A' })).toBe('rookery/groups/user-server/a1');
    expect(keys.ranges).toEqual([
      { key: 'rookery/services/user-server/', end: 'rookery/services/user-server0', dialect, source: 0 },
      { key: 'rookery/groups/user-server/', end: 'rookery/groups/user-server0', dialect, source: 0 },
      { key: 'rookery/routes/user-server', source: 0 },
    ]);
  });

  it.each([
    [key, 'rookery/services/user-server/', 'a1'],
    ['rookery/groups/user-server/a1', 'rookery/groups/user-server/', 'a1'],
    ['rookery/services/user-server/10.0.0.5:1/x', 'rookery/services/user-server/', '10.0.0.5:1/x'],
    ['rookery/routes/user-server', 'rookery/routes/user-server', ''],
    ['rookery/routes/user-server-2', undefined, undefined],
    ['rookery/services/user-server-2/a1', undefined, undefined],
  ])('reads %s', (text, range, id) => {
    const place = keys.parse(text);
    expect([place?.range.key, place?.id]).toEqual([range, id]);
  });

  it('knows where an entry may stand, whatever its group', () => {
    expect(keys.places(0, 'a1')).toEqual([key, 'rookery/groups/user-server/a1']);
  });
});

describe('a value of ours', () => {
  it('is the gRPC naming format of etcd with our fields beside it', () => {
    expect(encodeEntry({ instance, pinned: [], extra: {} })).toBe(text);
    expect(decode(text)).toMatchObject({ instance, pinned: [], extra: {} });
  });

  it('keeps fields that we do not know when it is rewritten', () => {
    const { pinned, extra } = decode(text.replace('"v":1', '"v":2,"future":{"a":1}'));
    expect(JSON.parse(encodeEntry({ instance, pinned, extra }))).toMatchObject({ v: 1, future: { a: 1 } });
  });

  it('tells which fields operators set', () => {
    const entry = decode({ Addr: 'h:1', gen: 'g1', weight: 50, pinned: ['weight', 'nonsense', 'group'] });
    expect(entry.pinned).toEqual(['weight', 'group']);
    expect([...entry.present]).toEqual(['weight']);
  });
});

describe('a foreign value', () => {
  it('is an ungrouped instance of weight 100', () => {
    const { instance: read } = decode('{"Op":0,"Addr":"10.0.0.5:1","Metadata":null}', '10.0.0.5:1/x');
    expect(read).toMatchObject({
      id: '10.0.0.5:1/x',
      address: '10.0.0.5:1',
      group: '',
      weight: 100,
      peer: 0,
      generation: '',
    });
  });

  it('may write its fields in any case, and metadata as it likes', () => {
    const { instance: read } = decode({ op: 0, addr: '[::1]:1', METADATA: { zone: 'eu', n: 1, deep: {} } });
    expect(read.address).toBe('[::1]:1');
    expect({ ...read.metadata }).toEqual({ zone: 'eu', n: '1' });
  });

  it('cannot reach the prototype of anything', () => {
    const { instance: read, extra } = decode('{"Addr":"h:1","meta":{"__proto__":"x"},"__proto__":{"polluted":1}}');
    expect(Object.keys(read.metadata)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(extra)).toBeNull();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('a malformed value', () => {
  it('is one that can be read but not written again, since its owner would keep it', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect(() => decode(text.replace('{', `{"note":${deep},`))).toThrow('ROOKERY_ENTRY_MALFORMED');
  });

  it.each([
    ['text', 'garbage'],
    ['a list', []],
    ['no address', { Op: 0, Metadata: null }],
    ['an empty address', { Addr: '' }],
    ['a unix socket, which is another machine’s', { Addr: 'unix:/tmp/s' }],
    ['a weight that is none', { Addr: 'h:1', weight: -1 }],
    ['a group that is none', { Addr: 'h:1', group: 'a/b' }],
    ['a status that we do not know', { Addr: 'h:1', status: 'down' }],
    ['metadata that are no texts', { Addr: 'h:1', meta: { a: 1 } }],
    ['a generation that is no text', { Addr: 'h:1', gen: 7 }],
    ['too much', { Addr: 'h:1', meta: { a: 'x'.repeat(MAX_VALUE_BYTES) } }],
  ])('is one with %s', (_, value) => {
    expect(() => decode(value)).toThrow(expect.objectContaining({ code: 'ROOKERY_ENTRY_MALFORMED', path: key }));
  });

  it.each([
    [{ Addr: 7 }, 'value.Addr: found 7. Use host:port.'],
    [{ Addr: 'h:1', note: 'x'.repeat(99), weight: 99_999 }, 'value.weight: found 99999. Use a whole number from 0 to'],
    [{ Addr: 'h:1', group: 'a/b' }, 'value.group: found "a/b". Use 1 to 63 letters'],
    [{ Addr: 'h:1', status: 'down' }, 'value.status: found "down". Use "up" or "draining".'],
    [{ Addr: 'nowhere' }, 'value.Addr: found "nowhere".'],
    [{ Addr: 'h:1', meta: { a: 1 } }, 'value.meta.a: found 1.'],
    [{ Addr: 'h:1', gen: 7 }, 'value.gen: found 7. Use a string.'],
    ['garbage', 'found "garbage".'],
  ])('is told with the field that is wrong: %j', (value, found) => {
    expect(() => decode(value)).toThrow(`ROOKERY_ENTRY_MALFORMED at ${key}: ${found}`);
  });
});
