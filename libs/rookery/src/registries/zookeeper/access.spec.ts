import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthority, type Authority } from '../../../../../test/support/certificates.js';
import {
  follow,
  pathOf,
  someInstance,
  statesOf,
  ZooKeeperBench,
} from '../../../../../test/support/zookeeper-registry.js';
import { eventually } from '../../testing/eventually.js';
import { freePort } from '../../testing/faults/free-port.js';
import { startZooKeeper, type ZooKeeperServer } from '../../testing/faults/zookeeper-server.js';

const bench = new ZooKeeperBench();
const user = { username: 'svc', password: 'pa:ss', prefix: 'guarded' };
const REFUSED = { code: 'ROOKERY_REGISTRY_REFUSED' };

describe('entries of a user', () => {
  it('are written by who has the password, also over another connection, and read by everybody', async () => {
    const { registry } = bench.connect(undefined, user);
    const registration = registry.register(someInstance());
    await registration.registered;
    const path = pathOf(registration.instance).replace('/rookery', '/guarded');
    const watch = follow(bench.connect(undefined, { prefix: 'guarded' }).registry, registration.instance.service);
    await eventually(() => expect(watch.changes()).toMatchObject([{ type: 'reset', instances: { length: 1 } }]));
    await expect(bench.server.zkCli('set', path, 'x')).rejects.toThrow('Insufficient permission');
    await bench.server.restart();
    await eventually(() => expect(watch.batches.length).toBeGreaterThan(1), { timeoutMs: 15_000 });
    await registration.update({ weight: 5 });
    await eventually(() => expect(watch.changes().at(-1)).toMatchObject({ instance: { weight: 5 } }));
    await watch.stop();
  });

  it.each([
    ['another password', { ...user, password: 'wrong' }],
    ['none', { prefix: 'guarded' }],
  ])('keep out who has %s: told once, and tried on', async (_, options) => {
    await bench.connect(undefined, user).registry.steer!.setRoute('s', { type: 'any' });
    const { registry, events } = bench.connect(undefined, options);
    const registration = registry.register(someInstance());
    await eventually(() => expect(events).toHaveLength(1));
    expect(events[0]).toMatchObject({ state: 'registering', error: REFUSED });
    await expect(registry.steer!.setRoute('s', undefined)).rejects.toMatchObject(REFUSED);
    await expect(registry.steer!.setRoute('new', { type: 'any' })).rejects.toMatchObject(REFUSED);
    await bench.server.zkCli('addauth', 'digest', `${user.username}:${user.password}`);
    for (const path of ['/guarded', '/guarded/services'])
      await bench.server.zkCli('setAcl', path, 'world:anyone:cdrwa').catch(() => {});
    await registration.registered;
    expect(statesOf(events)).toEqual(['registering', 'registered']);
    await registry[Symbol.asyncDispose]();
    const acl = `auth:${user.username}:cdrwa,world:anyone:r`;
    for (const path of ['/guarded/services', '/guarded']) await bench.server.zkCli('setAcl', path, acl);
  });
});

describe('a ZooKeeper with TLS', () => {
  let authority: Authority;
  let server: ZooKeeperServer;
  let secure: string;

  beforeAll(async () => {
    authority = await startAuthority();
    const { cert, key } = await authority.issue('127.0.0.1');
    const port = await freePort();
    secure = `127.0.0.1:${port}`;
    server = await startZooKeeper({
      config: [
        `secureClientPort=${port}`,
        'secureClientPortAddress=127.0.0.1',
        'serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory',
        `ssl.keyStore.location=${await authority.file('store.pem', Buffer.concat([cert, key]))}`,
        'ssl.keyStore.type=PEM',
        `ssl.trustStore.location=${await authority.file('trust.pem', authority.ca)}`,
        'ssl.trustStore.type=PEM',
      ],
    });
  }, 60_000);
  afterAll(async () => {
    await server?.stop();
    await authority?.[Symbol.asyncDispose]();
  });

  it('takes a client that has a certificate, and whose authority signed its own', async () => {
    const tls = { ca: authority.ca, ...(await authority.issue('client')) };
    const { registry } = bench.connect(secure, { tls });
    const registration = registry.register(someInstance());
    await registration.registered;
    const watch = follow(registry, registration.instance.service);
    await eventually(() => expect(watch.changes()).toMatchObject([{ instances: [{ id: registration.instance.id }] }]));
    expect(registry.name).toBe(`zookeepers://${secure}/rookery`);
    await watch.stop();
  });

  it.each([
    [
      'no certificate of ours',
      'ROOKERY_REGISTRY_UNTRUSTED',
      'set `tls.cert` and `tls.key`',
      () => Promise.resolve({ tls: { ca: authority.ca } }),
    ],
    [
      'nobody who trusts its authority',
      'ROOKERY_REGISTRY_UNTRUSTED',
      'set `tls.ca`',
      async () => ({ tls: await authority.issue('client') }),
    ],
    [
      'no TLS of ours',
      'ROOKERY_REGISTRY_UNREACHABLE',
      'set `tls` where it is the secureClientPort',
      () => Promise.resolve({}),
    ],
  ])('says what is wrong where it meets %s', async (_, code, remedy, options) => {
    const { registry, events } = bench.connect(secure, await options());
    registry.register(someInstance());
    await eventually(() => expect(events).toHaveLength(1));
    expect(events[0]).toMatchObject({ error: { code, message: expect.stringContaining(remedy) } });
  });

  it('says so where somebody speaks plain text to whom we speak TLS', async () => {
    const { registry, events } = bench.connect(bench.server.host, { tls: { ca: authority.ca } });
    registry.register(someInstance());
    await eventually(() => expect(events).toHaveLength(1));
    const message = expect.stringContaining('Check that ZooKeeper serves TLS there') as string;
    expect(events[0]).toMatchObject({ error: { code: 'ROOKERY_REGISTRY_UNREACHABLE', message } });
  });
});
