import { EtcdProcess, peerUrl, takePorts, type EtcdServer } from './etcd-server.js';

/** A real etcd of several members, each a process. */
export interface EtcdCluster extends AsyncDisposable {
  readonly members: readonly EtcdServer[];
  /** Of every member, for `etcd({ hosts })`. */
  readonly hosts: readonly string[];
  /** The member that leads; waits for an election, rejects after 20 s. */
  leader(): Promise<EtcdServer>;
  /** Kills every member and removes its data. */
  stop(): Promise<void>;
}

const ELECTION_TIMEOUT_MS = 20_000;

/**
 * Starts a real etcd of several members on the loopback interface; resolves once all of them are healthy.
 * @throws {Error} where etcd is not installed, or where a member does not become healthy within 20 s
 */
export async function startEtcdCluster({ size = 3 } = {}): Promise<EtcdCluster> {
  const ports = await Promise.all(Array.from({ length: size }, () => takePorts()));
  const cluster = ports.map((each, i) => `m${i}=${peerUrl(each)}`).join(',');
  const members = ports.map((each, i) => new EtcdProcess(`m${i}`, each, { cluster }));
  const stop = async () => {
    await Promise.all(members.map((member) => member.stop()));
  };
  try {
    for (const member of members) member.launch();
    await Promise.all(members.map((member) => member.healthy()));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    members,
    hosts: members.map(({ host }) => host),
    leader: () => leaderOf(members),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function leaderOf(members: readonly EtcdServer[]): Promise<EtcdServer> {
  const end = performance.now() + ELECTION_TIMEOUT_MS;
  for (;;) {
    const leading = await Promise.all(members.map((member) => member.leads()));
    const leader = members[leading.indexOf(true)];
    if (leader) return leader;
    if (performance.now() > end) throw new Error(`etcd has no leader after ${ELECTION_TIMEOUT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
