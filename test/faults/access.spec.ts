import { createInstance, type RookeryEvent } from 'rookery/core';
import { etcd } from 'rookery/etcd';
import { createDirectory } from 'rookery/grpc';
import { eventually, startTcpProxy } from 'rookery/testing';
import { describe, expect, it } from 'vitest';
import { jwt, startGuarded, USERS } from '../support/faults/access.js';
import { FaultFleet, onEtcd, type FleetOptions } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { SERVICE } from '../support/faults/service.js';
import { pause } from '../support/faults/pause.js';

const TTL_MS = 4000;
/** How long somebody who is refused is looked at, ms, and how often he may ask in that time. */
const WAIT_MS = 5000;
const ATTEMPTS = 20;

/** Everybody as the user that he is, and what their registries tell. */
function asUsers(host: string, events: RookeryEvent[] = []): FleetOptions['registry'] {
  return (who) => {
    const registry = onEtcd(host, { ttlMs: TTL_MS, ...USERS[who] })(who);
    registry.events.on((event) => events.push(event));
    return registry;
  };
}

const failures = ({ recorder }: FaultFleet) => recorder.history.calls.filter(({ error }) => error !== undefined);

describe.concurrent('users of etcd', () => {
  it('whose tokens run out while connections break are let in again: no call fails, nothing is lost', async () => {
    await using server = await startGuarded('--auth-token-ttl', '2');
    await using proxy = await startTcpProxy(server.host);
    const events: RookeryEvent[] = [];
    await using fleet = await FaultFleet.start({ registry: asUsers(proxy.host, events) });
    const signedIn = await server.answered('Authenticate');
    for (let i = 0; i < 3; i += 1) {
      // Nothing is asked of etcd meanwhile: the tokens are past their time.
      await pause(3000);
      proxy.cut();
      proxy.heal();
    }
    const registered = () => registeredIn(server);
    await fleet.recovers(registered);
    expect(await server.answered('Authenticate')).toBeGreaterThan(signedIn);
    await fleet.remove();
    await fleet.add();
    await fleet.recovers(registered);
    await fleet.verify(registered);
    expect(failures(fleet)).toEqual([]);
    expect(events.filter((event) => event.type === 'instance.removed' && event.cause === 'lost')).toEqual([]);
    expect(refusals(events)).toEqual([]);
  }, 60_000);

  it('whose tokens are void, since a role was changed (JWT), are let in again at once', async () => {
    await using keys = await jwt();
    await using server = await startGuarded('--auth-token', keys.option);
    const events: RookeryEvent[] = [];
    await using fleet = await FaultFleet.start({ registry: asUsers(server.host, events) });
    const { registration } = fleet.any;
    const client = fleet.clients[0]!;
    const weightSeen = () => {
      const view = client.directory.view(SERVICE);
      return view.status === 'known' ? view.instances.get(registration.instance.id)?.weight : undefined;
    };
    for (const [weight, change] of [
      [50, ['role', 'add', 'somebody-else']],
      [60, ['user', 'add', 'somebody:else']],
      [70, ['role', 'grant-permission', 'somebody-else', 'read', 'x']],
    ] as const) {
      await server.etcdctl(...change);
      const changedAt = performance.now();
      void registration.update({ weight });
      await eventually(() => expect(weightSeen()).toBe(weight), { timeoutMs: 5000 });
      console.log(`${change.join(' ')}: a change arrives ${Math.round(performance.now() - changedAt)} ms later`);
    }
    const registered = () => registeredIn(server);
    await fleet.add();
    await pause(TTL_MS);
    await fleet.recovers(registered);
    await fleet.verify(registered);
    expect(failures(fleet)).toEqual([]);
    expect(refusals(events)).toEqual([]);
  }, 60_000);

  it('whose password is wrong hear what to do, once, and ask now and then', async () => {
    await using server = await startGuarded();
    const registry = etcd({ hosts: server.host, username: 'users', password: 'secret' });
    const events: RookeryEvent[] = [];
    registry.events.on((event) => events.push(event));
    registry.register(createInstance({ id: 'a', service: SERVICE, address: '10.0.0.1:1' }));
    await pause(WAIT_MS);
    expect(events).toHaveLength(1);
    expect(refusals(events)[0]).toMatch(
      /^ROOKERY_REGISTRY_REFUSED at .* Correct the user or the password\. Trying again\.$/,
    );
    const asked = await server.answered('Authenticate');
    console.log(`with a wrong password: etcd was asked ${asked} times in ${WAIT_MS} ms`);
    expect(asked).toBeLessThan(ATTEMPTS);
    await server.etcdctl('user', 'passwd', 'users', '--interactive=false', { input: 'secret' });
    await eventually(async () => expect(await registeredIn(server)).toEqual(['a']), { timeoutMs: 10_000 });
    await registry[Symbol.asyncDispose]();
  }, 30_000);
});

/** What was told of etcd that refuses somebody. */
function refusals(events: readonly RookeryEvent[]): string[] {
  return events
    .map((event) => String('error' in event ? (event.error as Error | undefined)?.message : ''))
    .filter((message) => message.includes('REFUSED'));
}

const PREFIXES = {
  services: ['--prefix', `rookery/services/${SERVICE}/`],
  groups: ['--prefix', `rookery/groups/${SERVICE}/`],
  routes: [`rookery/routes/${SERVICE}`],
} as const;

describe.concurrent('the roles of the page', () => {
  it('are enough for a fleet, its groups and its routes', async () => {
    await using server = await startGuarded();
    const events: RookeryEvent[] = [];
    await using fleet = await FaultFleet.start({ registry: asUsers(server.host, events) });
    const { registration } = fleet.any;
    await registration.update({ group: 'A' });
    await server.etcdctl('put', `rookery/routes/${SERVICE}`, '{"type":"any"}');
    await eventually(() => expect(fleet.clients[0]!.directory.view(SERVICE)).toMatchObject({ route: { type: 'any' } }));
    await registration.update({ group: '' });
    await fleet.remove();
    const registered = () => registeredIn(server);
    await fleet.recovers(registered);
    await fleet.verify(registered);
    expect(failures(fleet)).toEqual([]);
    expect(refusals(events)).toEqual([]);
  }, 60_000);

  it('let nobody write elsewhere: a client registers nothing, a server nothing of another service', async () => {
    await using server = await startGuarded();
    for (const [user, service] of [
      [USERS.client, SERVICE],
      [USERS.instance, `${SERVICE}-2`],
    ] as const) {
      const registry = etcd({ hosts: server.host, ...user });
      const events: RookeryEvent[] = [];
      registry.events.on((event) => events.push(event));
      const registration = registry.register(createInstance({ id: 'a', service, address: '10.0.0.1:1' }));
      await eventually(() => expect(events).toHaveLength(1));
      expect(registration.state).toBe('registering');
      expect(refusals(events)[0]).toMatch(/permission denied\. Grant the user of a server readwrite/);
      await registry[Symbol.asyncDispose]();
    }
    expect(await server.etcdctl('get', '--prefix', '--keys-only', '')).toBe('');
  }, 30_000);

  it.each([
    ['server', 'services', 'nothing'],
    ['server', 'services', 'read'],
    ['server', 'services', 'write'],
    ['server', 'groups', 'nothing'],
    ['client', 'services', 'nothing'],
    ['client', 'groups', 'nothing'],
    ['client', 'routes', 'nothing'],
  ] as const)(
    'are needed: a %s whose right at %s is: %s, is refused, asks now and then, and goes on by itself once it is allowed',
    async (who, kind, only) => {
      await using server = await startGuarded();
      const role = who === 'server' ? SERVICE : `${SERVICE}-client`;
      await server.etcdctl('role', 'revoke-permission', role, ...PREFIXES[kind]);
      if (only !== 'nothing') await server.etcdctl('role', 'grant-permission', role, only, ...PREFIXES[kind]);
      const user = who === 'server' ? USERS.instance : USERS.client;
      const registry = etcd({ hosts: server.host, ttlMs: TTL_MS, ...user });
      const directory = createDirectory(registry);
      const events: RookeryEvent[] = [];
      registry.events.on((event) => events.push(event));
      const group = kind === 'groups' ? 'A' : '';
      if (who === 'client') directory.subscribe(SERVICE, () => {});
      else registry.register(createInstance({ id: 'a', service: SERVICE, address: '10.0.0.1:1', group }));
      await eventually(() => expect(refusals(events)).not.toEqual([]));
      await pause(WAIT_MS);
      const asked = await server.answered('Txn', 'Authenticate', 'LeaseGrant', 'Watch');
      console.log(`${who}, ${kind}: ${only}: etcd was asked ${asked} times in ${WAIT_MS} ms`);
      expect(asked).toBeLessThan(2 * ATTEMPTS);
      const access = who === 'server' ? 'readwrite' : 'read';
      await server.etcdctl('role', 'grant-permission', role, access, ...PREFIXES[kind]);
      await eventually(
        () => {
          if (who === 'client') expect(directory.view(SERVICE).status).toBe('known');
          else expect(events.at(-1)).toMatchObject({ type: 'registration.changed', state: 'registered' });
        },
        { timeoutMs: 10_000 },
      );
      await directory[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
    30_000,
  );

  it('may be taken away and given back while a fleet runs: it serves on, and nobody starts anew', async () => {
    await using server = await startGuarded();
    await using proxy = await startTcpProxy(server.host);
    const events: RookeryEvent[] = [];
    await using fleet = await FaultFleet.start({ registry: asUsers(proxy.host, events) });
    for (const role of [SERVICE, `${SERVICE}-client`])
      await server.etcdctl('role', 'revoke-permission', role, ...PREFIXES.services);
    // Watches that run are not looked at again.
    proxy.cut();
    proxy.heal();
    await eventually(() => expect(refusals(events)).not.toEqual([]), { timeoutMs: 10_000 });
    const before = await server.answered('Authenticate');
    await pause(WAIT_MS);
    const clients = fleet.instances.size + fleet.clients.length;
    expect((await server.answered('Authenticate')) - before).toBeLessThan(clients * ATTEMPTS);
    await server.etcdctl('role', 'grant-permission', SERVICE, 'readwrite', ...PREFIXES.services);
    await server.etcdctl('role', 'grant-permission', `${SERVICE}-client`, 'read', ...PREFIXES.services);
    const registered = () => registeredIn(server);
    await fleet.recovers(registered);
    await fleet.verify(registered);
    expect(failures(fleet)).toEqual([]);
  }, 60_000);
});
