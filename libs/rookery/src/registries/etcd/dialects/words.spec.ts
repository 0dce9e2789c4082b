import { describe, expect, it } from 'vitest';
import { createInstance, type ServiceInstance } from '../../../core/instance.js';
import type { Entry } from '../../entry/entry.js';
import { initial } from '../../entry/wanted.js';
import { chooseDialects } from './choose.js';
import { isShown, type Dialect, type DialectName } from './dialect.js';

const dialect = (name: DialectName, prefix?: string): Dialect =>
  chooseDialects([prefix === undefined ? name : { dialect: name, prefix }], 'rookery', 'read')[0]!;

const instance = createInstance({
  id: 'a1',
  service: 'users',
  address: '10.0.0.1:50051',
  generation: 'g1',
  peer: 1,
  weight: 40,
  zone: 'eu',
  version: '1.2',
  metadata: { k: 'v' },
});
const beside = { v: 1, id: 'a1', gen: 'g1', peer: 1, pinned: [] };
const NAMING = { Op: 0, Addr: '10.0.0.1:50051', Metadata: null };

function read(name: DialectName, id: string, value: unknown): Entry | undefined {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return dialect(name).decode(`key/${id}`, 'users', id, Buffer.from(text));
}

interface Words {
  readonly key: string;
  /** Of our instance. */
  readonly value: unknown;
  /** What the framework itself writes, and what it means. */
  readonly theirs: readonly (readonly [value: unknown, meaning: Partial<ServiceInstance> | undefined])[];
}

const WORDS: Readonly<Record<Exclude<DialectName, 'rookery'>, Words>> = {
  'grpc-go': {
    key: 'users/10.0.0.1:50051',
    value: {
      ...NAMING,
      v: 1,
      gen: 'g1',
      service: 'users',
      weight: 40,
      group: '',
      status: 'up',
      peer: 1,
      secure: false,
      zone: 'eu',
      version: '1.2',
      pinned: [],
      meta: { k: 'v' },
      id: 'a1',
    },
    theirs: [
      [
        { Op: 0, Addr: 'h:1', Metadata: null },
        { id: 'x', address: 'h:1', weight: 100, peer: 0 },
      ],
    ],
  },
  micro: {
    key: '/micro/users/10.0.0.1:50051',
    value: {
      Name: 'users',
      Address: '10.0.0.1:50051',
      Weight: 40,
      Group: '',
      rookery: { ...beside, status: 'up', secure: false, zone: 'eu', version: '1.2', metadata: { k: 'v' } },
    },
    theirs: [
      [
        { Name: 'users', Address: 'h:1', Weight: 3, Group: 'canary' },
        { address: 'h:1', weight: 3, group: 'canary' },
      ],
      [
        { name: 'users', address: 'h:1', weight: 0, group: '' },
        { weight: 1, group: '' },
      ],
      [{ Address: 'h:1' }, { weight: 1, group: '', peer: 0 }],
    ],
  },
  kratos: {
    key: '/microservices/users/a1',
    value: {
      id: 'a1',
      name: 'users',
      version: '1.2',
      metadata: { k: 'v', weight: '40' },
      endpoints: ['grpc://10.0.0.1:50051?isSecure=false'],
      rookery: { ...beside, group: '', status: 'up', zone: 'eu' },
    },
    theirs: [
      [
        {
          id: '5f31',
          name: 'users',
          version: 'v1',
          metadata: { weight: '10', a: 'b' },
          endpoints: ['http://h:2', 'grpc://h:1'],
        },
        { id: 'x', address: 'h:1', weight: 10, version: 'v1', metadata: { a: 'b' }, secure: false },
      ],
      [
        { metadata: null, endpoints: ['grpcs://[::1]:1'] },
        { address: '[::1]:1', secure: true, weight: 100 },
      ],
      [
        { metadata: { weight: 'much' }, endpoints: ['grpc://h:1?isSecure=true'] },
        { secure: true, weight: 100 },
      ],
      [{ endpoints: ['http://h:2'] }, undefined],
      [{ endpoints: null }, undefined],
    ],
  },
  'go-zero': {
    key: 'users/7069136777425309806',
    value: '10.0.0.1:50051',
    theirs: [['127.0.0.1:8080', { id: 'x', address: '127.0.0.1:8080', weight: 100, generation: '' }]],
  },
  jupiter: {
    key: 'grpc:users:v1:dev/10.0.0.1:50051',
    value: {
      Op: 0,
      Addr: '10.0.0.1:50051',
      MetadataX: {
        name: 'users',
        appId: '',
        scheme: 'grpc',
        address: '10.0.0.1:50051',
        weight: 40,
        enable: true,
        healthy: true,
        metadata: { k: 'v', appVersion: '1.2' },
        region: '',
        zone: 'eu',
        kind: 0,
        version: 'v1',
        mode: 'dev',
        deployment: '',
        group: '',
        services: {},
      },
      rookery: { ...beside, secure: false },
    },
    theirs: [
      [
        {
          Op: 0,
          Addr: 'h:1',
          MetadataX: {
            scheme: 'grpc',
            weight: 12.5,
            enable: true,
            healthy: true,
            zone: 'z',
            group: 'red',
            metadata: { startTime: 's' },
          },
        },
        { address: 'h:1', weight: 13, zone: 'z', group: 'red', metadata: { startTime: 's' } },
      ],
      [{ Op: 0, Addr: 'h:1', MetadataX: { enable: false, healthy: true } }, { status: 'draining' }],
      [{ Op: 0, Addr: 'h:1', MetadataX: { scheme: 'http' } }, undefined],
      [{ Op: 0, Addr: 'h:1' }, { weight: 100 }],
    ],
  },
  kitex: {
    key: 'kitex/registry-etcd/users/10.0.0.1:50051',
    value: {
      network: 'tcp',
      address: '10.0.0.1:50051',
      weight: 40,
      tags: { k: 'v' },
      rookery: { ...beside, group: '', status: 'up', secure: false, zone: 'eu', version: '1.2' },
    },
    theirs: [
      [
        { network: 'tcp', address: 'h:1', weight: 0, tags: null },
        { weight: 10, metadata: {} },
      ],
      [{ network: 'unix', address: '/run/x', weight: 1 }, undefined],
    ],
  },
  'go-micro': {
    key: '/micro/registry/users/a1',
    value: {
      name: 'users',
      version: '1.2',
      metadata: {},
      endpoints: [],
      nodes: [
        {
          id: 'a1',
          address: '10.0.0.1:50051',
          metadata: { k: 'v', protocol: 'grpc', server: 'grpc', transport: 'grpc', registry: 'etcd' },
        },
      ],
      rookery: { ...beside, weight: 40, group: '', status: 'up', secure: false, zone: 'eu' },
    },
    theirs: [
      [
        {
          name: 'users',
          version: 'latest',
          nodes: [{ id: 'n', address: 'h:1', metadata: { protocol: 'grpc', a: 'b' } }],
        },
        { address: 'h:1', weight: 100, metadata: { a: 'b' } },
      ],
      [{ nodes: [{ id: 'n', address: 'h:1', metadata: { protocol: 'http' } }] }, undefined],
    ],
  },
  dubbo: {
    key: '/services/users/10.0.0.1:50051',
    value: {
      serviceName: 'users',
      host: '10.0.0.1',
      port: 50051,
      enabled: true,
      enable: true,
      healthy: true,
      weight: 40,
      tag: '',
      metadata: {
        k: 'v',
        'dubbo.endpoints': '[{"port":50051,"protocol":"tri"}]',
        'dubbo.metadata.revision': '0',
        'dubbo.metadata.storage-type': 'local',
      },
      rookery: { ...beside, secure: false, zone: 'eu', version: '1.2' },
    },
    theirs: [
      [
        {
          serviceName: 'users',
          host: '10.0.0.9',
          port: 20880,
          enabled: true,
          healthy: true,
          metadata: {
            'dubbo.endpoints': '[{"port":20880,"protocol":"dubbo"},{"port":50051,"protocol":"tri"}]',
            timestamp: '1',
          },
        },
        { address: '10.0.0.9:50051', weight: 100, status: 'up', metadata: { timestamp: '1' } },
      ],
      [
        {
          ID: '',
          ServiceName: 'users',
          Host: '10.0.0.9',
          Port: 20880,
          Weight: 0,
          Enable: true,
          Healthy: true,
          Metadata: null,
          Tag: 'gray',
        },
        { address: '10.0.0.9:20880', weight: 100, group: 'gray' },
      ],
      [{ Host: '10.0.0.9', Port: 1, Enable: false, Healthy: true, Metadata: {} }, { status: 'draining' }],
      [{ host: 'h', port: 1, metadata: { 'dubbo.endpoints': '[{"port":1,"protocol":"dubbo"}]' } }, undefined],
    ],
  },
};

describe.each(Object.entries(WORDS) as [DialectName, Words][])('the dialect %s', (name, { key, value, theirs }) => {
  const own = dialect(name);
  const text = own.encode(initial(instance));

  it('writes the key and the value that the framework expects, with ours beside it', () => {
    expect(own.entryKey(instance)).toBe(key);
    expect(typeof value === 'string' ? text : JSON.parse(text)).toEqual(value);
  });

  it('reads what it writes', () => {
    const entry = own.decode(key, 'users', key.slice(own.folders('users')[0]!.length), Buffer.from(text));
    const { id, address } = instance;
    if (own.traits.room) expect(entry).toMatchObject({ instance, extra: {}, pinned: [] });
    else expect(entry?.instance).toMatchObject({ id: key.split('/').at(-1), address });
    expect(id).toBe('a1');
  });

  it.each(theirs)('reads %j', (theirValue, meaning) => {
    const found = read(name, 'x', theirValue);
    if (meaning) expect(found?.instance).toMatchObject({ service: 'users', status: 'up', ...meaning });
    else expect(found).toBeUndefined();
  });

  it.each(['', '{', '[]', 'null', '7', '{"rookery":7}', '\u0000', `"${'x'.repeat(70_000)}"`])(
    'skips %.20j alone',
    (garbage) => {
      const skip = () => {
        if (read(name, 'x', garbage) === undefined)
          throw new Error('ROOKERY_ENTRY_MALFORMED: nothing that speaks gRPC');
      };
      expect(skip).toThrow(/ROOKERY_ENTRY_MALFORMED/);
    },
  );

  const keeps = () => {
    it('keeps fields that nobody knows, also where they are within others', () => {
      const raw = JSON.parse(text) as Record<string, Record<string, unknown>>;
      raw['note'] = { by: ['hand'] };
      if (raw['MetadataX']) raw['MetadataX']['rack'] = 'r7';
      const entry = own.decode(key, 'users', 'x', Buffer.from(JSON.stringify(raw)))!;
      const again = JSON.parse(own.encode({ ...entry, instance: { ...entry.instance, weight: 7 } })) as typeof raw;
      expect(again['note']).toEqual({ by: ['hand'] });
      expect(again['MetadataX']?.['rack']).toBe(raw['MetadataX'] && 'r7');
      expect(own.decode(key, 'users', 'x', Buffer.from(JSON.stringify(again)))?.instance.weight).toBe(7);
    });
  };
  if (own.traits.room) keeps();

  it('shows its clients nobody whom they could not leave alone', () => {
    expect(isShown(own.traits, instance)).toBe(true);
    expect(isShown(own.traits, { ...instance, group: 'canary' })).toBe(name === 'micro');
    expect(isShown(own.traits, { ...instance, weight: 0 })).toBe(name === 'kratos');
    expect(isShown(own.traits, { ...instance, status: 'draining' })).toBe(false);
  });
});

describe('the choice of dialects', () => {
  it('takes a prefix of its own, which names the service once', () => {
    expect(dialect('grpc-go', 'grpc-demo/grpc/<service>').entryKey(instance)).toBe(
      'grpc-demo/grpc/users/10.0.0.1:50051',
    );
    expect(dialect('go-zero', '<service>.rpc').folders('user')).toEqual(['user.rpc/']);
    expect(JSON.parse(dialect('jupiter', 'grpc:<service>:v1:prod').encode(initial(instance)))).toMatchObject({
      MetadataX: { mode: 'prod' },
    });
  });

  it.each([
    ['kratos', 'ROOKERY_OPTION_INVALID at read: found "kratos".'],
    [['kratso'], 'ROOKERY_OPTION_INVALID at read[0]: found "kratso"; did you mean "kratos"?'],
    [[7], 'ROOKERY_OPTION_INVALID at read[0]: found 7.'],
    [[{}], 'ROOKERY_OPTION_INVALID at read[0]: found undefined.'],
    [[{ dialect: 'kratos', perfix: 'x' }], 'ROOKERY_OPTION_INVALID at read[0].perfix: there is no such option.'],
    [
      [{ dialect: 'kratos', prefix: '/microservices' }],
      'ROOKERY_OPTION_INVALID at read[0].prefix: found "/microservices".',
    ],
    [[{ dialect: 'kratos', prefix: '<service>/' }], 'ROOKERY_OPTION_INVALID at read[0].prefix: found "<service>/".'],
    [[{ dialect: 'rookery', prefix: 'x/<service>' }], 'Use the prefix of the registry: etcd({ prefix }).'],
    [['grpc-go', 'go-zero'], 'ROOKERY_OPTION_INVALID at read[1]: found go-zero at the keys of grpc-go.'],
    [['kratos', 'kratos'], 'ROOKERY_OPTION_INVALID at read[1]: found kratos at the keys of kratos.'],
    [[{ dialect: 'micro', prefix: 'rookery/services/<service>' }, 'rookery'], 'found rookery at the keys of micro.'],
  ])('refuses %j', (choices, message) => {
    expect(() => chooseDialects(choices, 'rookery', 'read')).toThrow(message);
  });
});
