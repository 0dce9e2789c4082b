import { describe, expect, it } from 'vitest';
import { EtcdBench, keyOf, someInstance } from '../../../../../test/support/etcd-registry.js';
import { eventually } from '../../testing/eventually.js';
import { systemTime } from '../../system/time.js';

const bench = new EtcdBench();

const TTL_MS = 3000;
const CHANCE = 0.9;
/** What no other timer waits: full jitter over a third of the TTL. */
const SPREAD = CHANCE * (TTL_MS / 3);

/** A registration whose chance is fixed, so that the delays which it waits can be told apart. */
async function register() {
  const delays: number[] = [];
  const after = (ms: number, fn: () => void) => {
    delays.push(ms);
    return systemTime.after(ms, fn);
  };
  const time = { ...systemTime, after };
  const { registry } = bench.connect(undefined, { ttlMs: TTL_MS, random: () => CHANCE, time });
  const registration = registry.register(someInstance());
  await registration.registered;
  return { registration, delays, key: keyOf(registration.instance) };
}

const leaseOf = async (key: string) => {
  const found = await bench.find(key);
  if (!found) throw new Error(`nothing stands at ${key}`);
  return found.lease;
};

describe('a lost lease', () => {
  it('is granted anew at a random time of the next third of its life when etcd was away: others lost theirs, too', async () => {
    const { registration, delays, key } = await register();
    await bench.server.restart({ wipe: true });
    await eventually(() => leaseOf(key), { timeoutMs: 15_000 });
    await eventually(() => expect(registration.state).toBe('registered'));
    expect(delays.filter((ms) => ms === SPREAD)).toEqual([SPREAD]);
  });

  it('is granted anew at once when etcd was there, whatever happened before', async () => {
    const { registration, delays, key } = await register();
    const before = await leaseOf(key);
    await bench.server.crash();
    await eventually(() => expect(registration.state).toBe('recovering'));
    await bench.server.restart();
    await eventually(() => expect(registration.state).toBe('registered'), { timeoutMs: 15_000 });
    await bench.server.etcdctl('lease', 'revoke', before);
    await eventually(async () => expect(await leaseOf(key)).not.toBe(before));
    await eventually(() => expect(registration.state).toBe('registered'));
    expect(delays).not.toContain(SPREAD);
  });
});
