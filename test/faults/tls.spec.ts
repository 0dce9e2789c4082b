import { createInstance, type RookeryEvent } from 'rookery/core';
import { etcd, type EtcdOptions } from 'rookery/etcd';
import { createDirectory } from 'rookery/grpc';
import { startEtcd, startTcpProxy, type EtcdServer } from 'rookery/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAuthority, type Authority, type Certificate } from '../support/certificates.js';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { SERVICE } from '../support/faults/service.js';
import { pause } from '../support/faults/pause.js';

/** How long somebody who does not get in is looked at, ms, and how many connections he may open in that time. */
const WAIT_MS = 4000;
const CONNECTIONS = 60;

let authority: Authority;
let stranger: Authority;
let client: Certificate;
let strangeClient: Certificate;
/** With certificates on both sides; with a certificate for another name; without TLS. */
let etcds: Record<'secured' | 'misnamed' | 'plain', EtcdServer>;

beforeAll(async () => {
  [authority, stranger] = await Promise.all([startAuthority(), startAuthority()]);
  client = await authority.issue('client');
  strangeClient = await stranger.issue('client');
  const ca = await authority.file('trusted.pem', authority.ca);
  const [secured, misnamed, plain] = await Promise.all([
    startSecured(await authority.issue('127.0.0.1', 'localhost'), '--client-cert-auth', '--trusted-ca-file', ca),
    startSecured(await authority.issue('etcd.example')),
    startEtcd(),
  ]);
  etcds = { secured, misnamed, plain };
});
afterAll(async () => {
  await Promise.all(Object.values(etcds).map((server) => server.stop()));
  await Promise.all([authority, stranger].map((each) => each[Symbol.asyncDispose]()));
});

let certificates = 0;

async function startSecured({ cert, key }: Certificate, ...args: readonly string[]): Promise<EtcdServer> {
  const name = `etcd${(certificates += 1)}`;
  const files = { cert: await authority.file(`${name}.pem`, cert), key: await authority.file(`${name}.key`, key) };
  const ca = await authority.file(`${name}-ca.pem`, authority.ca);
  return startEtcd({
    scheme: 'https',
    args: ['--cert-file', files.cert, '--key-file', files.key, ...args],
    etcdctlArgs: ['--cacert', ca, '--cert', files.cert, '--key', files.key],
  });
}

describe('etcd with client certificates', () => {
  it.each(['127.0.0.1', 'localhost'])(
    'serves a fleet that has them, by %s, also when it was away',
    async (name) => {
      const { secured } = etcds;
      const tls = { ca: authority.ca, ...client };
      const host = secured.host.replace('127.0.0.1', name);
      await using fleet = await FaultFleet.start({ registry: onEtcd(`https://${host}`, { tls, prefix: name }) });
      await secured.crash();
      await pause(1000);
      await secured.restart();
      const registered = () => registeredIn(secured, name);
      await fleet.recovers(registered);
      await fleet.verify(registered);
      expect(fleet.recorder.history.calls.filter(({ error }) => error !== undefined)).toEqual([]);
    },
    60_000,
  );
});

interface Row {
  readonly what: string;
  readonly where: keyof typeof etcds;
  readonly tls: () => EtcdOptions['tls'];
  readonly code: 'ROOKERY_REGISTRY_UNTRUSTED' | 'ROOKERY_REGISTRY_UNREACHABLE';
  readonly remedy: RegExp;
}

const ROWS: readonly Row[] = [
  {
    what: 'an authority that did not sign the certificate of etcd',
    where: 'secured',
    tls: () => ({ ca: stranger.ca, ...client }),
    code: 'ROOKERY_REGISTRY_UNTRUSTED',
    remedy: /set `tls\.ca` to the one that has\. Trying again\.$/,
  },
  {
    what: 'no authority of its own',
    where: 'secured',
    tls: () => client,
    code: 'ROOKERY_REGISTRY_UNTRUSTED',
    remedy: /set `tls\.ca` to the one that has\. Trying again\.$/,
  },
  {
    what: 'no certificate of its own',
    where: 'secured',
    tls: () => ({ ca: authority.ca }),
    code: 'ROOKERY_REGISTRY_UNTRUSTED',
    remedy: /set `tls\.cert` and `tls\.key` to one that .* has signed\. Trying again\.$/,
  },
  {
    what: 'a certificate of somebody else’s authority',
    where: 'secured',
    tls: () => ({ ca: authority.ca, ...strangeClient }),
    code: 'ROOKERY_REGISTRY_UNTRUSTED',
    remedy: /set `tls\.cert` and `tls\.key` to one that .* has signed\. Trying again\.$/,
  },
  {
    what: 'a host that the certificate of etcd does not name',
    where: 'misnamed',
    tls: () => ({ ca: authority.ca }),
    code: 'ROOKERY_REGISTRY_UNTRUSTED',
    remedy: /name etcd as its certificate does, .*\. Trying again\.$/,
  },
  {
    what: 'plain text for an etcd that has TLS',
    where: 'secured',
    tls: () => undefined,
    code: 'ROOKERY_REGISTRY_UNREACHABLE',
    remedy: /where etcd serves TLS, use https:\/\/ hosts, or set `tls`\. Trying again\.$/,
  },
  {
    what: 'TLS for an etcd that has none',
    where: 'plain',
    tls: () => ({ ca: authority.ca, ...client }),
    code: 'ROOKERY_REGISTRY_UNREACHABLE',
    remedy: /Check that etcd serves TLS there; where it does not, use http:\/\/ hosts .*\. Trying again\.$/,
  },
];

describe.concurrent('a process that comes to etcd with', () => {
  it.each(ROWS)(
    '$what, hears what to do once, and goes on trying without harm',
    async ({ where, tls: make, code, remedy }) => {
      await using proxy = await startTcpProxy(etcds[where].host);
      const tls = make();
      const registry = etcd({ hosts: proxy.host, ttlMs: 2000, ...(tls && { tls }) });
      const events: RookeryEvent[] = [];
      registry.events.on((event) => events.push(event));
      const directory = createDirectory(registry);
      directory.subscribe(SERVICE, () => {});
      const registration = registry.register(createInstance({ id: 'a', service: SERVICE, address: '10.0.0.1:1' }));
      await pause(WAIT_MS);
      const told = events.filter(({ type }) => type === 'registration.changed');
      const fault = { error: { code, message: expect.stringMatching(remedy) as string } };
      expect(told).toMatchObject([{ state: 'registering', ...fault }]);
      const broken = events.filter(({ type }) => type === 'watch.broken');
      expect(broken[0]).toMatchObject(fault);
      expect([registration.state, directory.view(SERVICE).status]).toEqual(['registering', 'pending']);
      console.log(`${proxy.accepted} connections in ${WAIT_MS} ms`);
      expect(proxy.accepted).toBeLessThan(CONNECTIONS);
      await directory[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
    30_000,
  );
});
