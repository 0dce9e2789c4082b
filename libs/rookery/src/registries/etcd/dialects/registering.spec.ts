import { describe, expect, it } from 'vitest';
import { EtcdBench, follow, someInstance, statesOf, type Found } from '../../../../../../test/support/etcd-registry.js';
import type { ServiceInstance } from '../../../core/instance.js';
import { eventually } from '../../../testing/eventually.js';
import type { EtcdOptions } from '../options.js';
import { chooseDialects } from './choose.js';
import { DIALECT_NAMES, type DialectName } from './dialect.js';

const bench = new EtcdBench();

const keyIn = (name: DialectName, instance: ServiceInstance) =>
  chooseDialects([name], 'rookery', 'write')[0]!.entryKey(instance);

/** Each has an address of its own, since keys may be made of it. */
let port = 1000;
const someone = (init: Partial<ServiceInstance> = {}) => someInstance({ address: `10.0.0.1:${port++}`, ...init });

async function registered(options: Partial<EtcdOptions>, init: Partial<ServiceInstance> = {}) {
  const { registry, events } = bench.connect(bench.server.host, options);
  const instance = someone(init);
  const registration = registry.register(instance);
  await registration.registered;
  return { registration, instance, events };
}

/** What the keys that a dialect has of the service say, once that is what is expected. */
const stands = (key: string) =>
  eventually(async () => {
    const found = await bench.find(key);
    expect(found).toBeDefined();
    return found as Found;
  });

const unwritten = (place: string, error: object): unknown =>
  expect.objectContaining({ type: 'entry.unwritten', place, error: expect.objectContaining(error) as unknown });

const FOREIGN = DIALECT_NAMES.filter((name) => name !== 'rookery');

describe.each(FOREIGN)('an entry in the dialect %s', (name) => {
  const both = { write: ['rookery', name] } as const;

  it('hangs on the one lease of its server, comes back when it is deleted or its lease is lost, and goes with its release', async () => {
    const { registration, instance } = await registered(both);
    const [own, key] = [keyIn('rookery', instance), keyIn(name, instance)];
    const first = await stands(key);
    expect(first.lease).toBe((await stands(own)).lease);
    await bench.server.etcdctl('del', key);
    expect(await stands(key)).toEqual(first);
    await bench.server.etcdctl('lease', 'revoke', first.lease);
    const second = await stands(key);
    expect(second.lease).not.toBe(first.lease);
    expect(second.value).toBe(first.value);
    await stands(own);
    await registration[Symbol.asyncDispose]();
    expect([await bench.find(key), await bench.find(own)]).toEqual([undefined, undefined]);
  });

  it('follows what its owner and operators say, and stands only where its clients may call', async () => {
    const { registration, instance } = await registered(both);
    const [own, key] = [keyIn('rookery', instance), keyIn(name, instance)];
    await registration.update({ status: 'draining' });
    expect(await bench.find(key)).toBeUndefined();
    await registration.update({ status: 'up' });
    const { lease } = await stands(key);
    const edited = JSON.stringify({ ...(await bench.read(own)), weight: 7 });
    await bench.server.etcdctl('put', `--lease=${lease}`, own, edited);
    await eventually(() => expect(registration.instance.weight).toBe(7));
    await registration.update({ group: 'canary' });
    if (name === 'micro') expect(await bench.read(key)).toMatchObject({ Weight: 7, Group: 'canary' });
    else expect(await bench.find(key)).toBeUndefined();
    expect(await bench.read(own.replace('services', 'groups'))).toMatchObject({ weight: 7, group: 'canary' });
  });

  it('is all that there is, where nothing else is written', async () => {
    const only = { read: [name], write: [name] } as const;
    const { registration, instance } = await registered(only);
    const { registry } = bench.connect(bench.server.host, only);
    const watch = follow(registry, instance.service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    expect(watch.changes()).toMatchObject([{ type: 'reset', instances: [{ address: instance.address }] }]);
    expect(await bench.server.etcdctl('get', '--prefix', '--keys-only', `rookery/services/${instance.service}/`)).toBe(
      '',
    );
    await registration[Symbol.asyncDispose]();
    const deleted = { type: 'delete', cause: name === 'go-zero' ? 'lost' : 'left' };
    await eventually(() => expect(watch.changes(1).at(-1)).toMatchObject(deleted));
    expect(registry.capabilities).toMatchObject({ routes: false, groups: name === 'micro' });
    expect(registry.steer).toBeUndefined();
    await watch.stop();
  });
});

describe('several dialects at once', () => {
  it('keep what operators and others have written into each, and undo what is not theirs to say', async () => {
    const { registration, instance, events } = await registered({ write: ['rookery', 'kratos', 'micro'] });
    const key = keyIn('kratos', instance);
    const { lease } = await stands(key);
    const value = await bench.read(key);
    const edited = { ...value, metadata: { weight: '1' }, rack: 'r7' };
    await bench.server.etcdctl('put', `--lease=${lease}`, key, JSON.stringify(edited));
    await eventually(async () => expect(await bench.read(key)).toEqual({ ...value, rack: 'r7' }));
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'registration.restored', reason: 'somebody changed: weight' }),
    );
    await registration.update({ weight: 8 });
    expect(await bench.read(key)).toMatchObject({ metadata: { weight: '8' }, rack: 'r7' });
    expect(await bench.read(keyIn('micro', instance))).toMatchObject({ Weight: 8 });
  });

  it('have operators change the first one, whichever it is', async () => {
    const { registration, instance, events } = await registered({ read: ['kratos'], write: ['kratos', 'go-zero'] });
    const key = keyIn('kratos', instance);
    const { lease } = await stands(key);
    const edited = { ...(await bench.read(key)), metadata: { weight: '3', by: 'hand' } };
    await bench.server.etcdctl('put', `--lease=${lease}`, key, JSON.stringify(edited));
    await eventually(() => expect(registration.instance).toMatchObject({ weight: 3, metadata: { by: 'hand' } }));
    await registration.update({ weight: 9, version: '2' });
    expect(await bench.read(key)).toMatchObject({ version: '2', metadata: { weight: '3', by: 'hand' } });
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'registration.amended', fields: ['weight', 'meta'] }),
    );
  });

  it('wait for a key that somebody else holds, and say which', async () => {
    const { registration, instance, events } = await registered({ write: ['rookery', 'micro'] });
    const key = keyIn('micro', instance);
    const other = await bench.server.etcdctl('lease', 'grant', '60');
    const lease = /lease ([0-9a-f]+)/.exec(other)![1]!;
    await bench.server.etcdctl('put', `--lease=${lease}`, key, `{"Address":"${instance.address}","Weight":1}`);
    const error = { code: 'ROOKERY_REGISTRATION_SUPERSEDED' };
    await eventually(() => expect(events).toContainEqual(unwritten(key, error)));
    // The registration itself goes on.
    await registration.update({ weight: 3 });
    expect(await bench.read(keyIn('rookery', instance))).toMatchObject({ weight: 3 });
    expect(statesOf(events)).toEqual(['registered']);
    await bench.server.etcdctl('lease', 'revoke', lease);
    await eventually(async () =>
      expect(await bench.read(key)).toMatchObject({ Weight: 3, rookery: { id: instance.id } }),
    );
  });

  it('take away what of theirs comes late, or is put by hand, where it must not be found', async () => {
    const { registration, instance } = await registered({ write: ['rookery', 'kratos'] });
    const key = keyIn('kratos', instance);
    const { lease, value } = await stands(key);
    await registration.update({ group: 'canary' });
    expect(await bench.find(key)).toBeUndefined();
    await bench.server.etcdctl('put', `--lease=${lease}`, key, value);
    await eventually(async () => expect(await bench.find(key)).toBeUndefined());
    await bench.server.etcdctl('put', key, value);
    await eventually(async () => expect(await bench.find(key)).toBeUndefined());
  });

  it('undo what would hide the only entry that can be edited', async () => {
    const { registration, instance, events } = await registered({ read: ['dubbo'], write: ['dubbo'] });
    const key = keyIn('dubbo', instance);
    const { lease, value } = await stands(key);
    const edited = { ...(JSON.parse(value) as object), enabled: false };
    await bench.server.etcdctl('put', `--lease=${lease}`, key, JSON.stringify(edited));
    await eventually(async () => expect((await stands(key)).value).toBe(value));
    expect(registration.instance.status).toBe('up');
    expect(events).toContainEqual(expect.objectContaining({ reason: 'somebody changed: status' }));
  });

  it('say so where nothing may stand of an instance', async () => {
    const { instance, events } = await registered({ read: ['go-zero'], write: ['go-zero'] }, { group: 'canary' });
    expect(events).toContainEqual(unwritten(keyIn('go-zero', instance), { code: 'ROOKERY_ENTRY_HIDDEN' }));
  });

  it('refuse metadata that is too long for one of them, and change none', async () => {
    const { registration, instance } = await registered({ write: ['rookery', 'dubbo'] });
    const before = await bench.read(keyIn('rookery', instance));
    const metadata = { k: 'v'.repeat(65_536 - 330) };
    await expect(registration.update({ metadata })).rejects.toMatchObject({ code: 'ROOKERY_METADATA_INVALID' });
    await registration.update({ weight: 3 });
    expect(await bench.read(keyIn('rookery', instance))).toEqual({ ...before, weight: 3 });
  });

  it('take over what a process before has left at the same address', async () => {
    const instance = someone();
    const key = keyIn('micro', instance);
    await bench.server.etcdctl('put', key, '{"Name":"x","Address":"10.0.0.1:1","Weight":1,"Group":""}');
    const { registry } = bench.connect(bench.server.host, { write: ['micro'] });
    await registry.register(instance).registered;
    expect(await bench.read(key)).toMatchObject({ Address: instance.address });
  });

  it('show one instance where several entries mean it, and what a foreign one says alone', async () => {
    const { registration, instance } = await registered({ write: ['rookery', 'go-zero', 'kratos'] });
    const { service } = instance;
    const { registry, events } = bench.connect(bench.server.host, { read: ['rookery', 'kratos', 'go-zero'] });
    const watch = follow(registry, service);
    await eventually(() => expect(watch.batches).toHaveLength(1));
    expect(watch.changes()).toMatchObject([{ type: 'reset', instances: [{ id: instance.id, peer: 1 }] }]);
    await bench.server.etcdctl('put', `/microservices/${service}/bad`, '{"endpoints":["grpc://nowhere"]}');
    await bench.server.etcdctl('put', `/microservices/${service}/web`, '{"endpoints":["http://h:1"]}');
    await bench.server.etcdctl('put', `${service}/77`, '10.9.9.9:1');
    await eventually(() => expect(watch.changes(1)).toMatchObject([{ type: 'set', instance: { id: '77', peer: 0 } }]));
    expect(events.filter(({ type }) => type === 'entry.malformed')).toMatchObject([
      { place: `/microservices/${service}/bad` },
    ]);
    await registration[Symbol.asyncDispose]();
    await eventually(() => expect(watch.changes(2)).toContainEqual({ type: 'delete', id: instance.id, cause: 'left' }));
    // Nothing that is derived showed up while the others went.
    expect(watch.changes(2).filter(({ type }) => type === 'set')).toMatchObject([{ instance: { status: 'draining' } }]);
    await watch.stop();
  });
});

describe('a registry that writes nothing', () => {
  it('refuses registrations, and says how to take them', () => {
    const { registry } = bench.connect(bench.server.host, { write: [] });
    expect(registry.capabilities).toMatchObject({ register: false, steer: false, routes: true });
    expect(() => registry.register(someone())).toThrow('ROOKERY_REGISTRY_READONLY');
  });

  it('has to read something, and shows in its name what', () => {
    expect(() => bench.connect(bench.server.host, { read: [] })).toThrow('registry.read: found an empty list');
    const { registry } = bench.connect('h:1', { read: ['rookery', 'kratos'], write: ['go-zero'] });
    expect(registry.name).toBe('etcd://h:1/rookery?read=rookery,kratos&write=go-zero');
    const elsewhere = bench.connect('h:1', { read: [{ dialect: 'kratos', prefix: '/prod/<service>' }] });
    expect(elsewhere.registry.name).toBe('etcd://h:1/rookery?read=kratos(/prod/<service>)&write=rookery');
  });
});
