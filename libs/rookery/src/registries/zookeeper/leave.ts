import { Backoff } from '../../core/backoff.js';
import { pause } from '../../core/time.js';
import { encodeEntry } from '../entry/entry.js';
import { leaving } from '../entry/wanted.js';
import type { Connection } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import type { OwnEntry } from './own-entry.js';
import { isFault, type Step } from './protocol.js';
import { getData, transact } from './requests.js';

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
  for (const path of entry.places) {
    while (!session.ended.aborted) {
      try {
        if (session.connection && (await remove(session.context, session.connection, entry, path))) break;
      } catch {
        // The next try finds another connection, or what somebody else wrote meanwhile.
      }
      await pause(time, backoff.next(), session.ended);
    }
  }
}

/** Whether nothing of ours stands there any more. */
async function remove(
  { acl }: ZooKeeperContext,
  connection: Connection,
  entry: OwnEntry,
  path: string,
): Promise<boolean> {
  const { id } = connection.ticket;
  const found = await getData(connection, path);
  if (!found || !entry.isOurs(found, id)) return true;
  const { version } = found;
  const steps: Step[] = [
    { op: 'setData', path, data: encodeEntry(leaving(entry.wanted)), version },
    { op: 'delete', path, version: version + 1 },
  ];
  try {
    await transact(connection, steps, acl);
    return true;
  } catch (error) {
    if (isFault(error, 'NoNode')) return true;
    throw error;
  }
}
