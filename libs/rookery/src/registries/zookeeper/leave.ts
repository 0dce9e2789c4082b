import { Backoff } from '../../core/backoff.js';
import { pause } from '../../core/time.js';
import { encodeEntry } from '../entry/entry.js';
import { leaving } from '../entry/wanted.js';
import type { Connection } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import type { OwnEntry } from './own-entry.js';
import type { Step } from './protocol.js';
import { getData, transact, type Found } from './requests.js';

/** What leaving needs of the session that the entry belongs to. */
export interface LeavingSession {
  readonly context: ZooKeeperContext;
  readonly connection: Connection | undefined;
  readonly ended: AbortSignal;
}

/**
 * Takes an entry out of ZooKeeper in two steps of one transaction, so that watchers can tell leaving from being lost: what
 * was written just before it was deleted says that it leaves, also to those who come too late to read it. Ends with the
 * session.
 */
export async function leave(session: LeavingSession, entry: OwnEntry): Promise<void> {
  const { time, random } = session.context;
  const backoff = new Backoff(random);
  while (!session.ended.aborted) {
    try {
      if (session.connection) return await remove(session.context, session.connection, entry);
    } catch {
      // The next try finds another connection, or what somebody else wrote meanwhile.
    }
    await pause(time, backoff.next(), session.ended);
  }
}

/**
 * From all its places at once: none of them is to be seen where another one has gone.
 * @returns once nothing of ours is left
 */
async function remove({ acl }: ZooKeeperContext, connection: Connection, entry: OwnEntry): Promise<void> {
  const { id } = connection.ticket;
  const found = await Promise.all([...entry.places].map((path) => getData(connection, path)));
  const ours = found.filter((one) => one !== undefined && entry.isOurs(one, id)) as Found[];
  const data = encodeEntry(leaving(entry.wanted));
  const steps = ours.flatMap(({ path, version }): Step[] => [
    { op: 'setData', path, data, version },
    { op: 'delete', path, version: version + 1 },
  ]);
  if (steps.length > 0) await transact(connection, steps, acl);
}
