import { startEtcdCluster, type EtcdCluster, type EtcdServer } from 'rookery/testing';
import { describe, it } from 'vitest';
import { FaultFleet, onEtcd } from '../support/faults/fleet.js';
import { registeredIn } from '../support/faults/registered.js';
import { pause } from '../support/faults/pause.js';

const TTL_MS = 5000;

/** A fleet on three members, the fault, and the verdict. */
async function suffer(fault: (cluster: EtcdCluster) => Promise<void>): Promise<void> {
  await using cluster = await startEtcdCluster();
  const { hosts, members } = cluster;
  await using fleet = await FaultFleet.start({ registry: onEtcd(hosts, { ttlMs: TTL_MS }) });
  await fault(cluster);
  await Promise.all(members.map((member) => member.healthy()));
  const registered = () => registeredIn(members[0]!);
  await fleet.recovers(registered);
  await fleet.verify(registered);
}

async function bounce(member: EtcdServer, ms = 3000): Promise<void> {
  await member.crash();
  await pause(ms);
  member.launch();
  await member.healthy();
}

describe.concurrent('a cluster of three members', () => {
  it('whose leader is killed', async () => {
    await suffer(async (cluster) => {
      const old = await cluster.leader();
      await old.crash();
      await cluster.leader();
      await pause(2 * TTL_MS);
      old.launch();
    });
  }, 90_000);

  it('whose followers are killed in turn', async () => {
    await suffer(async (cluster) => {
      const first = await cluster.leader();
      for (const follower of cluster.members.filter((member) => member !== first)) await bounce(follower);
    });
  }, 90_000);

  it('of which one member hangs, whichever it is', async () => {
    await suffer(async ({ members }) => {
      for (const member of members) {
        member.kill('SIGSTOP');
        await pause(1.5 * TTL_MS);
        member.kill('SIGCONT');
      }
    });
  }, 90_000);

  it('that has no quorum for a minute', async () => {
    await suffer(async ({ members }) => {
      const [, ...most] = members;
      await Promise.all(most.map((member) => member.crash()));
      await pause(60_000);
      for (const member of most) member.launch();
    });
  }, 150_000);
});
