import type { ICompare, IRequestOp } from 'etcd3';
import { Backoff } from '../../core/backoff.js';
import { pause } from '../../core/time.js';
import { leaving } from '../entry/wanted.js';
import type { EtcdContext } from './context.js';
import type { OwnEntry } from './own-entry.js';
import { get, keyValue, leasedBy, put, remove, unchanged } from './requests.js';

/** What leaving needs of the session that the entries belong to. */
export interface LeavingSession {
  readonly context: EtcdContext;
  readonly lease: { readonly id: string | undefined };
  readonly ended: AbortSignal;
}

/** How often we look again at an entry that somebody writes while we delete it. */
const TRIES = 5;

/**
 * Takes the entries of one instance out of etcd in two steps, so that watchers can tell leaving from being lost: all of
 * them say it before the first one goes, and our own goes last, since readers of several must not find another one in
 * its place. An entry that cannot be changed is in nobody's way. Ends with the session.
 */
export async function leave(session: LeavingSession, own: OwnEntry, derived: readonly OwnEntry[]): Promise<void> {
  const { time, random } = session.context;
  const backoff = new Backoff(random);
  const unsaid = new Set([own, ...derived]);
  const standing = new Set([own, ...derived]);
  while (standing.size > 0 && !session.ended.aborted) {
    await each(unsaid, [own, ...derived], (entry) => say(session, entry));
    await each(standing, derived, (entry) => take(session, entry));
    if (!unsaid.has(own)) await each(standing, [own], (entry) => take(session, entry));
    if (standing.size > 0) await pause(time, backoff.next(), session.ended);
  }
}

/** Does it for those of `some` for whom it is left to be done, all at once; who fails stays. */
async function each(
  left: Set<OwnEntry>,
  some: readonly OwnEntry[],
  run: (entry: OwnEntry) => Promise<void>,
): Promise<void> {
  const due = some.filter((entry) => left.has(entry));
  const ends = await Promise.allSettled(due.map(run));
  for (const [i, entry] of due.entries()) if (ends[i]?.status === 'fulfilled') left.delete(entry);
}

async function say(session: LeavingSession, entry: OwnEntry): Promise<void> {
  const { id: lease } = session.lease;
  if (lease === undefined || !entry.dialect.traits.room) return;
  const text = entry.dialect.encode(leaving(entry.wanted));
  for (const key of entry.places) await change(session, entry, key, put(key, text, lease));
}

async function take(session: LeavingSession, entry: OwnEntry): Promise<void> {
  for (const key of entry.places) await change(session, entry, key, remove(key));
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
