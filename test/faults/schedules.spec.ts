import { existsSync } from 'node:fs';
import { seededRandom, startEtcd, startTcpProxy, validate } from 'rookery/testing';
import { expect, it } from 'vitest';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { rain } from '../support/faults/schedule.js';

const TTL_MS = 3000;
/** When an instance that has left ends its connections, ms, and some more: who is cut off from etcd goes by that. */
const CONNECTION_MS = 5000;
/** How many fleets suffer at the same time. */
const AT_ONCE = 12;
/** As many again run on the newer etcd: see test/interop. */
const SCHEDULES = 100;

/** A dozen of etcd on one disk wait for each other's writes, and leases run out by that. */
const RAM_DISK = existsSync('/dev/shm') ? '/dev/shm' : undefined;

const { FAULT_SEED, FAULT_SCHEDULES, FAULT_MINUTES } = process.env;
const seed = Number(FAULT_SEED ?? Math.floor(Math.random() * 1e9));
/** A seed that is given is one schedule; minutes are as many as fit. */
const until = FAULT_MINUTES === undefined ? 0 : performance.now() + Number(FAULT_MINUTES) * 60_000;
const count = FAULT_SEED === undefined ? Number(FAULT_SCHEDULES ?? SCHEDULES) : 1;

/** A fleet of its own under the faults of one seed; what was wrong with it, in words. */
async function suffer(own: number): Promise<string[]> {
  const log: string[] = [];
  try {
    await using etcd = await startEtcd(RAM_DISK ? { parent: RAM_DISK } : {});
    await using servers = await startTcpProxy(etcd.host);
    await using clients = await startTcpProxy(etcd.host);
    const registry = (who: 'instance' | 'client') =>
      onEtcd(who === 'client' ? clients.host : servers.host, { ttlMs: TTL_MS })(who);
    await using fleet = await FaultFleet.start({ registry, clients: 1, callers: 2 });
    await rain({ etcd, networks: [servers, clients], fleet }, seededRandom(own), log);
    await Promise.all(fleet.joining);
    await fleet.recovers(() => registeredIn(etcd));
    await fleet.end(() => registeredIn(etcd));
    return validate(fleet.recorder.history, { leaveMs: CONNECTION_MS }).map(
      ({ rule, text }) => `seed ${own}: ${rule}: ${text}\n${log.join('\n')}`,
    );
  } catch (error) {
    return [`seed ${own}: ${String(error)}\n${log.join('\n')}`];
  }
}

it(
  `${count} random schedules of faults from seed ${seed} on: no violation`,
  async () => {
    console.log(`seeds ${seed} to ${seed + count - 1}; FAULT_SEED=<seed> runs one of them again`);
    const violations: string[] = [];
    let next = 0;
    const more = () => next < count || performance.now() < until;
    const run = async () => {
      while (more() && violations.length === 0) violations.push(...(await suffer(seed + next++)));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, run));
    console.log(`${next} schedules`);
    expect(violations.slice(0, 3)).toEqual([]);
  },
  (Number(FAULT_MINUTES ?? 0) + count / 10 + 10) * 60_000,
);
