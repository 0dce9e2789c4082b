import { describe, expect, it } from 'vitest';
import { eventually, startEtcd } from 'rookery/testing';
import { etcdStage } from '../support/etcd-stage.js';
import { startProbe, stopProbes } from '../support/probe-server.js';

describe('a decorated controller on a real etcd', () => {
  const stage = etcdStage();

  const value = async (key: string) =>
    JSON.parse(await stage.etcd.etcdctl('get', key, '--print-value-only')) as Record<string, unknown>;

  for (const mode of ['micro', 'hybrid'] as const) {
    for (const ending of ['app.close()', 'SIGTERM'] as const) {
      it(`${mode}: registers the port that was really bound, and after ${ending} the key is gone while a running call completes`, async () => {
        const server = await stage.startProbe({ name: 'a', mode, weight: 7 });
        const [key, ...others] = await eventually(async () => {
          const found = await stage.keys();
          expect(found).toHaveLength(1);
          return found;
        });
        expect(others).toEqual([]);
        expect(key).toMatch(/^rookery\/services\/probe\/[a-z0-9]+$/);
        expect(await value(key!)).toEqual({
          Op: 0,
          Addr: `127.0.0.1:${server.port}`,
          Metadata: null,
          v: 1,
          gen: expect.any(String),
          service: 'probe',
          weight: 7,
          group: '',
          status: 'up',
          peer: 1,
          secure: false,
          pinned: [],
          meta: {},
        });
        const client = await stage.startClient();
        expect(await client.probe.ask({})).toMatchObject({ name: 'a', pid: server.pid });
        const running = client.probe.ask({ delayMs: 1500 }, { timeoutMs: 10_000 });
        await eventually(async () => expect((await client.probe.ask({})).calls).toBeGreaterThanOrEqual(3));
        const ended = ending === 'SIGTERM' ? server.kill('SIGTERM') : server.close();
        await eventually(async () => expect(await stage.keys()).toEqual([]));
        let done = false;
        void running.then(() => (done = true));
        await Promise.resolve();
        expect(done).toBe(false);
        expect(await running).toMatchObject({ name: 'a' });
        await ended;
      });
    }
  }

  it('puts an instance with a group where clients that know no groups do not look', async () => {
    await stage.startProbe({ name: 'canary', group: 'canary' });
    await eventually(async () =>
      expect(await stage.keys()).toEqual([expect.stringMatching(/^rookery\/groups\/probe\//)]),
    );
  });

  it('serves while etcd is out of reach, says so once, and registers when etcd comes', async () => {
    const late = await startEtcd({ running: false });
    try {
      const server = await startProbe({ registry: `etcd://${late.host}`, name: 'early' });
      const warnings = () => server.output.filter((line) => line.includes('WARN') && !line.includes('SHUTDOWN'));
      await eventually(() => expect(warnings()).toHaveLength(1));
      await late.restart();
      await eventually(async () =>
        expect(await late.etcdctl('get', '--prefix', 'rookery/', '--keys-only')).toContain('rookery/services/probe/'),
      );
      await eventually(() => expect(server.output.some((line) => line.includes('probe is registered'))).toBe(true));
      expect(warnings()).toHaveLength(1);
    } finally {
      await stopProbes();
      await late.stop();
    }
  });

  it('skips garbage under its prefix, reports it once, and everything else works', async () => {
    await stage.startProbe({ name: 'good' });
    await stage.etcd.etcdctl('put', 'rookery/services/probe/garbage', '{{{');
    await stage.etcd.etcdctl('put', 'rookery/services/probe/empty', '{"Op":0,"Addr":"","Metadata":null}');
    await stage.etcd.etcdctl('put', 'rookery/routes/probe', 'nonsense');
    const warned: string[] = [];
    const client = await stage.startClient({}, (line) => warned.push(line));
    expect(await client.tally(20)).toEqual({ good: 20 });
    await eventually(() => expect(warned.filter((line) => line.includes('ROOKERY_ENTRY_MALFORMED'))).toHaveLength(3));
  });
});
