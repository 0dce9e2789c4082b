import type { ICompare, IRequestOp } from 'etcd3';
import { Backoff } from '../../core/backoff.js';
import { pause } from '../../core/time.js';
import type { EtcdContext } from './context.js';
import type { OwnEntry } from './own-entry.js';
import { get, keyValue, leasedBy, put, remove, unchanged } from './requests.js';
import { leaving } from '../entry/wanted.js';

/** What leaving needs of the session that the entry belongs to. */
export interface LeavingSession {
  readonly context: EtcdContext;
  readonly lease: { readonly id: string | undefined };
  readonly ended: AbortSignal;
}

/** How often we look again at an entry that somebody writes while we delete it. */
const TRIES = 5;

/** Takes an entry out of etcd in two steps, so that watchers can tell leaving from being lost. Ends with the session. */
export async function leave(session: LeavingSession, entry: OwnEntry): Promise<void> {
  const { time, random } = session.context;
  const backoff = new Backoff(random);
  const text = entry.dialect.traits.room ? entry.dialect.encode(leaving(entry.wanted)) : undefined;
  for (const key of entry.places) {
    while (!session.ended.aborted) {
      try {
        const { id: lease } = session.lease;
        if (lease !== undefined && text !== undefined) await change(session, entry, key, put(key, text, lease));
        await change(session, entry, key, remove(key));
        break;
      } catch {
        await pause(time, backoff.next(), session.ended);
      }
    }
  }
}

/** Changes a key that is ours, whatever somebody wrote into it, and leaves it alone if it is not. */
async function change(session: LeavingSession, entry: OwnEntry, key: string, request: IRequestOp): Promise<void> {
  const { lease, context } = session;
  // A key without a lease, or none at all, has lease 0: that is never ours.
  let compare: ICompare = leasedBy(key, lease.id ?? '-1');
  for (let tries = 0; tries < TRIES && !session.ended.aborted; tries += 1) {
    const answer = await context.client.txn({ compare: [compare], success: [request], failure: [get(key)] });
    if (answer.succeeded) return;
    const found = answer.responses[0]?.response_range.kvs.map(keyValue)[0];
    if (!found || !entry.isOurs(found, lease.id)) return;
    compare = unchanged(key, found.modRevision);
  }
}
