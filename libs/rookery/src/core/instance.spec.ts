import { describe, expect, it } from 'vitest';
import {
  checkGroup,
  checkInstanceOptions,
  checkMetadata,
  checkName,
  checkWeight,
  createInstance,
  isServing,
  sameInstance,
} from './instance.js';

const instance = createInstance({ id: 'a', service: 's', address: 'h:1' });

describe('checkName', () => {
  it.each(['a', 'A', '0', 'user-server', 'a.b-c_d', 'x'.repeat(63)])('takes %s', (name) => {
    expect(checkName(name, 'service')).toBe(name);
  });

  it.each(['', '.a', '-a', '_a', 'a b', 'a/b', '*', 'ä', 'a\n', 'x'.repeat(64), 7, null, undefined])(
    'refuses %j',
    (name) => {
      expect(() => checkName(name, 'service')).toThrow('ROOKERY_NAME_INVALID at service: found');
    },
  );

  it('a group may also be empty, and never "*"', () => {
    expect(checkGroup('', 'group')).toBe('');
    expect(() => checkGroup('*', 'group')).toThrow('ROOKERY_NAME_INVALID at group: found "*".');
  });
});

describe('checkWeight', () => {
  it.each([0, 1, 100, 10_000])('takes %d', (weight) => {
    expect(checkWeight(weight, 'weight')).toBe(weight);
  });

  it.each([-1, 1.5, 10_001, Number.NaN, Infinity, '5', null, undefined, 1n])('refuses %s', (weight) => {
    expect(() => checkWeight(weight, 'instance.weight')).toThrow('ROOKERY_WEIGHT_INVALID at instance.weight: found');
  });
});

describe('checkMetadata', () => {
  it('copies into a frozen record without a prototype', () => {
    const given = JSON.parse('{"__proto__":"p","a":"b"}') as Record<string, string>;
    const metadata = checkMetadata(given, 'metadata');
    expect(Object.getPrototypeOf(metadata)).toBeNull();
    expect(Object.isFrozen(metadata)).toBe(true);
    expect(Object.entries(metadata)).toEqual([
      ['__proto__', 'p'],
      ['a', 'b'],
    ]);
    given['a'] = 'changed';
    expect(metadata['a']).toBe('b');
  });

  it.each([
    [{ a: 1 }, 'metadata.a: found 1.'],
    [['a'], 'metadata: found an array.'],
    [null, 'metadata: found null.'],
    ['a', 'metadata: found "a".'],
  ])('refuses %j', (metadata, message) => {
    expect(() => checkMetadata(metadata, 'metadata')).toThrow(`ROOKERY_METADATA_INVALID at ${message}`);
  });
});

describe('checkInstanceOptions', () => {
  it('keeps what is given, and leaves out what is undefined', () => {
    const options = { group: 'A', weight: 0, zone: 'z', version: '1', metadata: {} };
    expect(checkInstanceOptions({ ...options, weight: undefined } as never, 'x')).not.toHaveProperty('weight');
    expect(checkInstanceOptions(options, 'x')).toEqual(options);
  });

  it.each([
    [{ zone: '' }, 'x.zone'],
    [{ version: 'v'.repeat(256) }, 'x.version'],
    [{ zone: 1 as never }, 'x.zone'],
  ])('refuses %j', (options, path) => {
    expect(() => checkInstanceOptions(options, 'x')).toThrow(`ROOKERY_OPTION_INVALID at ${path}: found`);
  });
});

describe('createInstance', () => {
  it('fills in what is not said: ungrouped, weight 100, up, foreign, plain text', () => {
    expect({ ...instance, metadata: { ...instance.metadata } }).toEqual({
      id: 'a',
      service: 's',
      address: 'h:1',
      group: '',
      weight: 100,
      status: 'up',
      generation: '',
      peer: 0,
      secure: false,
      metadata: {},
    });
    expect(Object.isFrozen(instance)).toBe(true);
  });

  it('takes foreign ids and services as they are, and no bad address', () => {
    expect(createInstance({ id: '/a b/', service: 'päth/x', address: 'unix:/x' }).id).toBe('/a b/');
    expect(() => createInstance({ id: 'a', service: 's', address: 'h' }, 'registry[2]')).toThrow(
      'ROOKERY_ADDRESS_INVALID at registry[2].address',
    );
  });

  it('knows no status but up and draining', () => {
    expect(createInstance({ ...instance, status: 'new' as never }).status).toBe('up');
    expect(createInstance({ ...instance, status: 'draining' }).status).toBe('draining');
  });
});

describe('sameInstance', () => {
  it('compares every field', () => {
    const full = { ...instance, group: 'A', zone: 'z', version: '1', metadata: { a: 'b' } };
    expect(sameInstance(full, { ...full, metadata: { a: 'b' } })).toBe(true);
    const others = [
      { id: 'b' },
      { service: 't' },
      { address: 'h:2' },
      { group: '' },
      { weight: 1 },
      { status: 'draining' as const },
      { generation: 'g' },
      { peer: 1 },
      { secure: true },
      { zone: 'y' },
      { version: '2' },
      { metadata: {} },
      { metadata: { a: 'c' } },
      { metadata: { a: 'b', c: 'd' } },
      { metadata: { b: 'b' } },
    ];
    for (const other of others) expect(sameInstance(full, { ...full, ...other }), JSON.stringify(other)).toBe(false);
  });
});

describe('isServing', () => {
  it('is up and of some weight', () => {
    expect(
      [{}, { weight: 0 }, { status: 'draining' as const }].map((change) => isServing({ ...instance, ...change })),
    ).toEqual([true, false, false]);
  });
});
