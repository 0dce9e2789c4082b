import { dns } from 'rookery/registries';
import { eventually, startDns, type DnsServerProcess, type DnsZone } from 'rookery/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startClient } from '../support/probe-client.js';
import { startProbe, stopProbes, type ProbeServer } from '../support/probe-server.js';

describe('a client over DNS', () => {
  let server: DnsServerProcess;

  beforeEach(async () => {
    server = await startDns(zone());
  });
  afterEach(async () => {
    await stopProbes();
    await server[Symbol.asyncDispose]();
  });

  const started = (name: string) => startProbe({ name, env: { ROOKERY_REGISTER: 'never' } });
  const record = ({ port }: ProbeServer, weight: number, priority = 0) => ({ port, weight, priority });

  function zone(...records: readonly { readonly port: number; weight: number; priority: number }[]): DnsZone {
    const srv = records.map((each) => ({ name: '_grpc._tcp.probe.svc.test', target: 'here.svc.test', ...each }));
    return { domain: 'svc.test', srv, hosts: { 'here.svc.test': ['127.0.0.1'] } };
  }

  function client() {
    const options = { servers: [server.host], search: [], minTtlMs: 50, maxTtlMs: 50 };
    return startClient(dns('_grpc._tcp.<service>.svc.test', options));
  }

  it('splits by the weights of SRV records, and follows them', async () => {
    const [a, b, c] = await Promise.all([started('a'), started('b'), started('c')]);
    await server.serve(zone(record(a, 30), record(b, 10)));
    await using under = await client();
    await under.sees(['a', 'b']);
    expect(await under.tally(400)).toEqual({ a: 300, b: 100 });
    await server.serve(zone(record(a, 10), record(b, 10), record(c, 20)));
    await eventually(async () => expect(await under.tally(40)).toEqual({ a: 10, b: 10, c: 20 }));
    // It serves on, and DNS does not say why it is gone: nobody fails, whenever it goes.
    await server.serve(zone(record(b, 10), record(c, 20)));
    await a.kill('SIGTERM');
    expect((await under.tally(300))['error 14']).toBeUndefined();
    await eventually(async () => expect(await under.tally(30)).toEqual({ b: 10, c: 20 }));
  });

  it('goes to a worse priority only while there is no better one, and back without an error', async () => {
    const [first, second] = await Promise.all([started('first'), started('second')]);
    await server.serve(zone(record(first, 0, 1), record(second, 0, 2)));
    await using under = await client();
    await under.sees(['first']);
    await server.serve(zone(record(second, 0, 2)));
    await first.kill('SIGKILL');
    await under.sees(['second']);
    const again = await started('first');
    await server.serve(zone(record(again, 0, 1), record(second, 0, 2)));
    await under.sees(['first']);
    expect(await under.tally(50)).toEqual({ first: 50 });
  });

  it('goes by what it knows while the DNS server is away', async () => {
    const [a, b] = await Promise.all([started('a'), started('b')]);
    await server.serve(zone(record(a, 0)));
    await using under = await client();
    await under.sees(['a']);
    await server.stop();
    expect(await under.tally(100)).toEqual({ a: 100 });
    await server.serve(zone(record(a, 0), record(b, 0)));
    await under.sees(['a', 'b']);
  });
});
