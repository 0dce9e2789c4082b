import type { RookeryCallError } from 'rookery';
import { eventually } from 'rookery/testing';
import { describe, expect, it } from 'vitest';
import { etcdStage } from '../support/etcd-stage.js';
import type { ProbeClient } from '../support/probe-client.js';

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

  /** How many connections each server of the fleet has accepted. */
  async function connections(client: ProbeClient): Promise<Record<string, number>> {
    const answers = await Promise.all(Array.from({ length: 40 }, () => client.probe.ask({})));
    return Object.fromEntries(answers.map(({ name, connections: accepted }) => [name, accepted]));
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
    const connected = await connections(client);
    const { key, lease, value } = await entryAt(a!.port);
    await stage.etcd.etcdctl('put', `--lease=${lease}`, key, JSON.stringify({ ...value, weight: 3 }));
    const written = performance.now();
    await eventually(async () => expect(await client.tally(8)).toEqual({ a: 6, b: 2 }));
    expect(performance.now() - written).toBeLessThan(1000);
    expect(await client.tally(400)).toEqual({ a: 300, b: 100 });
    expect(await connections(client)).toEqual(connected);
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
    const failed: RookeryCallError[] = [];
    let calling = true;
    const callers = Array.from({ length: 16 }, async () => {
      while (calling) await client.probe.ask({ delayMs: 5 }).catch((error: RookeryCallError) => failed.push(error));
    });
    const killed = c.kill('SIGKILL');
    await killed;
    calling = false;
    await Promise.all(callers);
    // Only calls that were on their way to it.
    expect(failed.map(({ instance }) => instance).filter((id) => id !== key.split('/').at(-1))).toEqual([]);
    expect(await client.tally(300)).toEqual({ a: 150, b: 150 });
    await eventually(async () => expect(await stage.etcd.etcdctl('get', key)).toBe(''), { timeoutMs: 15_000 });
  });
});
