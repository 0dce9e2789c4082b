import { startEtcd, type EtcdServer } from 'rookery/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { SERVICE } from '../support/faults/service.js';
import { startProbe, stopProbes } from '../support/probe-server.js';
import { pause } from '../support/faults/pause.js';

const TTL_MS = 20_000;
const CALLERS = 4;
const CLIENTS = 2;

let etcd: EtcdServer;
let prefix = '';
beforeAll(async () => {
  etcd = await startEtcd();
});
afterEach(() => stopProbes());
afterAll(() => etcd.stop());

/** Two servers in this process and one of its own, and clients that call all of them. */
async function start(name: string, ttlMs = TTL_MS) {
  prefix = name;
  const registry = onEtcd(etcd.host, { ttlMs, prefix });
  const fleet = await FaultFleet.start({ registry, instances: 2, clients: CLIENTS, callers: CALLERS });
  const env = { FAULT_ETCD: etcd.host, FAULT_PREFIX: prefix, FAULT_TTL_MS: `${ttlMs}` };
  const server = await startProbe({ program: 'dist/test/apps/fault-server.js', name, env });
  const id = server.output.find((line) => line.startsWith('instance '))!.slice('instance '.length);
  fleet.recorder.step(SERVICE, id, 'started');
  await fleet.answersFrom([id]);
  const failed = () => fleet.recorder.history.calls.filter(({ error }) => error !== undefined);
  return { fleet, server, id, failed };
}

const registered = () => registeredIn(etcd, prefix);

describe('an instance', () => {
  it('that is killed: only calls that ran on it fail', async () => {
    const { fleet, server, id, failed } = await start('killed', 3000);
    await using _ = fleet;
    fleet.recorder.step(SERVICE, id, 'broken');
    await server.kill('SIGKILL');
    await pause(1000);
    // A call that fails is followed by the next one at once: had they gone on failing, there would be many more.
    expect(failed().length).toBeLessThanOrEqual(CALLERS * CLIENTS);
    await fleet.recovers(registered);
    expect(failed().length).toBeLessThanOrEqual(CALLERS * CLIENTS);
    await fleet.verify(registered);
  }, 60_000);

  it('that hangs: calls that run on it fail, and for at most 3 s its share of new ones', async () => {
    const { fleet, server, id, failed } = await start('hung');
    await using _ = fleet;
    fleet.recorder.step(SERVICE, id, 'broken');
    const from = performance.now();
    await server.kill('SIGSTOP');
    await pause(12_000);
    await server.kill('SIGCONT');
    fleet.recorder.step(SERVICE, id, 'mended');
    const last = Math.max(0, ...failed().map(({ startedAt }) => startedAt - from));
    console.log(`the last call that failed started ${Math.round(last)} ms after the instance hung`);
    expect(failed().length).toBeGreaterThan(0);
    expect(last).toBeLessThan(3000);
    await fleet.answersFrom([id]);
    fleet.recorder.step(SERVICE, id, 'broken');
    await server.kill('SIGKILL');
    await fleet.stopCalls();
    await etcd.etcdctl('del', '--prefix', `${prefix}/services/${SERVICE}/${id}`);
    await fleet.verify(registered);
  }, 60_000);
});

describe('beside an instance', () => {
  it('a thousand malformed keys, a huge value and wrong types are skipped, told of once, and do no harm', async () => {
    prefix = 'garbage';
    const malformed = new Set<string>();
    const registry = (who: 'instance' | 'client') => {
      const made = onEtcd(etcd.host, { ttlMs: TTL_MS, prefix })(who);
      made.events.on((event) => {
        if (event.type === 'entry.malformed' && who === 'client') malformed.add(event.place);
      });
      return made;
    };
    await using fleet = await FaultFleet.start({ registry });
    const path = `${prefix}/services/${SERVICE}`;
    for (let from = 0; from < 1000; from += 100) {
      const puts = Array.from({ length: 100 }, (_, i) => `put ${path}/garbage-${from + i} "{\\"Op\\":"`).join('\n');
      await etcd.etcdctl('txn', { input: `\n${puts}\n\n\n` });
    }
    await etcd.etcdctl('put', `${path}/huge`, { input: 'x'.repeat(1024 * 1024) });
    for (const [id, entry] of Object.entries(WRONG_TYPES)) await etcd.etcdctl('put', `${path}/${id}`, entry);
    const good = async () => (await registered()).filter((id) => fleet.instances.has(id));
    await fleet.recovers(good);
    await pause(500);
    expect(malformed.size).toBe(1001 + Object.keys(WRONG_TYPES).length);
    await fleet.verify(good);
  }, 60_000);
});

const WRONG_TYPES = {
  'an-array': '[]',
  'a-number-as-address': '{"Addr":5}',
  'an-object-as-weight': '{"Addr":"h:1","weight":{}}',
  'a-number-as-group': '{"Addr":"h:1","group":3}',
  'an-unknown-status': '{"Addr":"h:1","status":"maybe"}',
  'a-text-as-peer': '{"Addr":"h:1","peer":"1"}',
};
