import { credentials, ServerCredentials, status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startAuthority, type Authority } from '../../../../test/support/certificates.js';
import type { RookeryEvent } from '../core/event.js';
import type { ServiceInstance } from '../core/instance.js';
import { eventually } from '../testing/eventually.js';
import { channelOptions, type DiscoveryChannelOptions } from './channel-options.js';
import { asking, closeAll, failure, fleet, tally, warm } from './discovery.stage.js';

let authority: Authority;
beforeAll(async () => void (authority = await startAuthority()));
afterAll(() => authority[Symbol.asyncDispose]());
afterEach(closeAll);

/** The service `who`, each server with a certificate for some names, and clients that trust them. */
function secureFleet() {
  const { add, client, ...stage } = fleet();
  const log: string[] = [];
  const emit = (event: RookeryEvent) => {
    if (event.type === 'endpoint.changed') log.push(`${event.state} ${event.id}`);
  };
  return {
    ...stage,
    log,
    add: async (name: string, certified: string[], metadata = {}) => {
      const { cert, key } = await authority.issue(...certified);
      const own = ServerCredentials.createSsl(null, [{ cert_chain: cert, private_key: key }]);
      return add(name, { secure: true, metadata }, { credentials: own });
    },
    addPlain: (name: string) => add(name),
    dial: (options: DiscoveryChannelOptions = {}) =>
      asking(client({ emit, secure: true, ...options }, 'discovery:///who', credentials.createSsl(authority.ca))),
    dialPlain: () => asking(client({ emit, secure: false })),
  };
}

const byHost = ({ metadata }: ServiceInstance) => metadata['host']!;

describe('the name in a certificate', () => {
  it("is the service's name where nobody says otherwise", async () => {
    const { add, dial } = secureFleet();
    await add('a', ['who']);
    expect(await dial()()).toBe('a:hi');
  });

  it('is one for all instances where the client says so', async () => {
    const { add, dial } = secureFleet();
    await add('a', ['users.internal']);
    expect(await dial({ tls: { serverName: 'users.internal' } })()).toBe('a:hi');
  });

  it('that is another one is an error that names both, and no call', async () => {
    const { add, dial } = secureFleet();
    const { server } = await add('a', ['other.internal']);
    const error = await failure(dial()());
    expect(error).toMatchObject({ code: status.UNAVAILABLE, reason: 'ROOKERY_GROUP_MISSING' });
    expect(error.details).toMatch(
      /Last error: .*Hostname\/IP does not match certificate's altnames: Host: who\. is not in the cert's altnames: DNS:other\.internal\.$/,
    );
    expect([server.hellos(), server.calls()]).toEqual([0, 0]);
  });

  it('is each instance its own where the client has a function, and an update keeps the connections', async () => {
    const { add, dial, directory, log } = secureFleet();
    const a = await add('a', ['a.internal'], { host: 'a.internal' });
    const b = await add('b', ['b.internal'], { host: 'b.internal' });
    const ask = dial({ tls: { serverName: byHost } });
    await warm(ask, 2);
    const known = log.length;
    await a.claim.update({ weight: 300, metadata: { host: 'a.internal', note: 'new' } });
    await eventually(async () => expect(await tally(40, ask)).toEqual({ a: 30, b: 10 }));
    expect([a, b].map(({ server }) => [server.hellos(), server.connections()])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(log).toHaveLength(known);
    expect(directory.view('who').status).toBe('known');
  });

  it('that changes makes a new connection of that instance only', async () => {
    const { add, dial, log } = secureFleet();
    const a = await add('a', ['a.internal', 'new.internal'], { host: 'a.internal' });
    const b = await add('b', ['b.internal'], { host: 'b.internal' });
    const ask = dial({ tls: { serverName: byHost } });
    await warm(ask, 2);
    await a.claim.update({ metadata: { host: 'new.internal' } });
    await eventually(() => expect(a.server.hellos()).toBe(2));
    await warm(ask, 2);
    await a.claim.update({ metadata: { host: 'wrong.internal' } });
    await eventually(() => expect(log.at(-1)).toBe(`failed ${a.claim.instance.id}`));
    expect(await tally(10, ask)).toEqual({ b: 10 });
    expect(b.server.hellos()).toBe(1);
  });

  it.each<[string, (instance: ServiceInstance) => string, string]>([
    ['throws', () => JSON.parse('{') as string, 'tls.serverName failed: Expected property name'],
    ['returns nothing', () => undefined as never, 'tls.serverName failed: it returned undefined, which is no name'],
    ['returns no name', () => 'a b', 'tls.serverName failed: it returned "a b", which is no name'],
  ])('that a function %s for is the error of that instance, and the others serve', async (_, fault, message) => {
    const { add, dial, log } = secureFleet();
    const bad = await add('bad', ['who']);
    const only = dial({ tls: { serverName: fault } });
    expect((await failure(only())).details).toContain(message);
    await add('good', ['good.internal'], { host: 'good.internal' });
    const { id } = bad.claim.instance;
    const serverName = (instance: ServiceInstance) => (instance.id === id ? fault(instance) : byHost(instance));
    const ask = dial({ tls: { serverName } });
    expect(await ask()).toBe('good:hi');
    expect(await tally(10, ask)).toEqual({ good: 10 });
    expect(log).toContain(`failed ${id}`);
    expect(bad.server.hellos()).toBe(0);
  });

  it('comes back once the function has one', async () => {
    const { add, dial } = secureFleet();
    const a = await add('a', ['a.internal']);
    const ask = dial({ tls: { serverName: byHost } });
    expect((await failure(ask())).details).toContain('it returned undefined');
    await a.claim.update({ metadata: { host: 'a.internal' } });
    expect(await ask({ waitForReady: true })).toBe('a:hi');
  });

  it.each([
    ['channelOptions.tls', 'who'],
    ['channelOptions.tls', []],
    ['channelOptions.tls.serverName', { serverName: '' }],
    ['channelOptions.tls.serverName', { serverName: 'a b' }],
    ['channelOptions.tls.serverName', { serverName: 5 }],
    ['channelOptions.tls.name', { name: 'who' }],
  ])('is refused at %s where it is %j', (path, tls) => {
    const { directory } = fleet();
    expect(() => channelOptions(directory, { tls: tls as never })).toThrow(
      expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path }),
    );
  });
});

describe('where one side has TLS credentials and the other has none, the error says which', () => {
  it('the server', async () => {
    const { add, dialPlain } = secureFleet();
    await add('a', ['who']);
    expect((await failure(dialPlain()())).details).toContain(
      '(the server has TLS credentials and the client has none: give the client credentials)',
    );
  });

  it('the client', async () => {
    const { addPlain, dial } = secureFleet();
    await addPlain('a');
    expect((await failure(dial()())).details).toContain(
      '(the client has TLS credentials and the server has none: give rookeryGrpc() credentials, or the client none)',
    );
  });
});
