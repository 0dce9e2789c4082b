import type { RookeryCallError } from 'rookery';
import { eventually } from 'rookery/testing';
import { describe, expect, it } from 'vitest';
import { etcdStage } from '../support/etcd-stage.js';

describe('calls over a fleet on a real etcd', () => {
  const stage = etcdStage();

  /** The key, lease and value of the entry that stands at a port. */
  async function entryAt(port: number) {
    for (const key of await stage.keys()) {
      const value = JSON.parse(await stage.etcd.etcdctl('get', key, '--print-value-only')) as Record<string, unknown>;
      if (!String(value['Addr']).endsWith(`:${port}`)) continue;
      // A lease is a 64-bit number, which JSON.parse would round.
      const fields = await stage.etcd.etcdctl('get', key, '-w', 'fields');
      const lease = BigInt(/"Lease" : (\d+)/.exec(fields)![1]!).toString(16);
      return { key, value, lease };
    }
    throw new Error(`nothing is registered at port ${port}`);
  }

  it('splits 400 sequential calls 300 to 100 over two processes of weight 3 and 1', async () => {
    await Promise.all([stage.startProbe({ name: 'heavy', weight: 3 }), stage.startProbe({ name: 'light', weight: 1 })]);
    const client = await stage.startClient();
    await client.sees(['heavy', 'light']);
    expect(await client.tally(400)).toEqual({ heavy: 300, light: 100 });
  });

  it('keeps groups apart', async () => {
    await Promise.all(['A', 'B', ''].map((group) => stage.startProbe({ name: group || 'plain', group })));
    const client = await stage.startClient();
    await client.sees(['A', 'B', 'plain'], { group: '*' });
    expect(await client.tally(100, { group: 'A' })).toEqual({ A: 100 });
    expect(await client.tally(100)).toEqual({ plain: 100 });
    expect(await client.tally(100, { group: ['canary', ''] })).toEqual({ plain: 100 });
    const before = performance.now();
    const error = await client.probe.ask({}, { group: 'canary' }).then(
      () => expect.unreachable(),
      (e: unknown) => e as RookeryCallError,
    );
    expect(performance.now() - before).toBeLessThan(50);
    expect(error).toMatchObject({ code: 14, reason: 'ROOKERY_GROUP_MISSING', service: 'probe' });
    expect(error.message).toMatch(
      /no usable instance in group 'canary'; present: (?=.*group 'A' \(1\))(?=.*group 'B' \(1\))(?=.*ungrouped \(1\))/,
    );
    expect(error.message).not.toContain('127.0.0.1');
  });

  it('follows a weight that a foreign client writes, without a new connection, and the owner keeps it', async () => {
    const [a] = await Promise.all([
      stage.startProbe({ name: 'a', weight: 1 }),
      stage.startProbe({ name: 'b', weight: 1 }),
    ]);
    const client = await stage.startClient();
    await client.sees(['a', 'b']);
    expect(await client.tally(100)).toEqual({ a: 50, b: 50 });
    const connections = (await client.probe.ask({})).connections;
    const { key, lease, value } = await entryAt(a!.port);
    await stage.etcd.etcdctl('put', `--lease=${lease}`, key, JSON.stringify({ ...value, weight: 3 }));
    const written = performance.now();
    await eventually(async () => expect(await client.tally(8)).toEqual({ a: 6, b: 2 }));
    expect(performance.now() - written).toBeLessThan(1000);
    expect(await client.tally(400)).toEqual({ a: 300, b: 100 });
    for await (const answer of client.probe.follow({ count: 1 })) expect(answer.connections).toBe(connections);
    expect((await client.probe.ask({})).connections).toBe(connections);
    await eventually(async () =>
      expect((await entryAt(a!.port)).value).toMatchObject({ weight: 3, pinned: ['weight'] }),
    );
    // Its lease is taken away: what comes back is the operator's weight.
    await stage.etcd.etcdctl('lease', 'revoke', lease);
    await eventually(async () => {
      const entry = await entryAt(a!.port);
      expect(entry.lease).not.toBe(lease);
      expect(entry.value).toMatchObject({ weight: 3, pinned: ['weight'] });
    });
    await eventually(async () => expect(await client.tally(8)).toEqual({ a: 6, b: 2 }));
  });

  it('gives a later server its share within a second, and loses a killed one without failing other calls', async () => {
    const env = { ROOKERY_TTL_MS: '2000' };
    await Promise.all(['a', 'b'].map((name) => stage.startProbe({ name, env })));
    const client = await stage.startClient();
    await client.sees(['a', 'b']);
    const c = await stage.startProbe({ name: 'c', env });
    const registered = performance.now();
    await eventually(async () => expect(await client.tally(6)).toEqual({ a: 2, b: 2, c: 2 }));
    expect(performance.now() - registered).toBeLessThan(1000);
    expect(await client.tally(300)).toEqual({ a: 100, b: 100, c: 100 });
    const { key } = await entryAt(c.port);
    await c.kill('SIGKILL');
    // At most the one call that was on its way may fail; nothing was, since they are sequential.
    const after = await client.tally(300);
    expect((after['a'] ?? 0) + (after['b'] ?? 0)).toBeGreaterThanOrEqual(299);
    expect(await client.tally(300)).toEqual({ a: 150, b: 150 });
    await eventually(async () => expect(await stage.etcd.etcdctl('get', key)).toBe(''), { timeoutMs: 15_000 });
  });
});
