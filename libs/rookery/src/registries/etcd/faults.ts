import { messageOf, RookeryError } from '../../core/errors.js';
import type { EtcdContext } from './context.js';
import { diagnose } from './diagnosis.js';

/** etcd knows nothing of a lease: the only proof, beside a keep-alive that answers TTL 0, that it is lost. */
export function isLeaseGone(error: unknown): boolean {
  return messageOf(error).includes('requested lease not found');
}

/** Our own first try has granted it. */
export function isLeaseThere(error: unknown): boolean {
  return messageOf(error).includes('lease already exists');
}

/** The revision that was asked for is history that etcd has thrown away. */
export function isCompacted(error: unknown): boolean {
  return error instanceof WatchCanceled ? error.compacted : messageOf(error).includes('has been compacted');
}

/**
 * Our token is of no use any more, and the package would go on sending it: on streams once it is past its time, and on
 * every call where the users of etcd were changed under a JWT. etcd calls it "permission denied" on a watch.
 */
export function isTokenStale(error: unknown): boolean {
  const message = messageOf(error);
  if (message.includes('revision of auth store is old')) return true;
  return error instanceof WatchCanceled && /auth|permission denied/i.test(message);
}

/** etcd ended a watch by itself. */
export class WatchCanceled extends Error {
  override readonly name = 'WatchCanceled';

  constructor(
    readonly compacted: boolean,
    reason: string,
  ) {
    super(`etcd ended the watch${reason ? `: ${reason}` : ''}${compacted ? ' (the revision was compacted)' : ''}`);
  }
}

/** Whatever went wrong on the way to etcd, as the error that users know. */
export function unreachable({ name, client }: EtcdContext, cause: unknown, remedy?: string): RookeryError {
  if (cause instanceof RookeryError) return cause;
  // What grpc-js says may span lines, and end with an empty note.
  const text = messageOf(cause).replace(/\s+/g, ' ');
  const found = `${text.replace(/[.\s]*(Resolution note:)?[.\s]*$/, '')}.`;
  const diagnosis = diagnose(text, { secure: name.startsWith('etcds:'), answered: client.answered });
  return new RookeryError(diagnosis.code, {
    path: name,
    found,
    remedy: remedy ?? `${diagnosis.remedy}Trying again.`,
    cause,
  });
}

export function closed(registry: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_CLOSED', {
    path: registry,
    found: 'the registry was closed.',
    remedy: 'Make a new one.',
  });
}
