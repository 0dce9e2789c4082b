import { messageOf, RookeryError } from '../core/errors.js';

const START_WITHOUT = 'It is ignored, and written anew when the registry answers.';

export function malformed(path: string, found: string, cause?: unknown): RookeryError {
  return new RookeryError('ROOKERY_SNAPSHOT_MALFORMED', { path, found, remedy: START_WITHOUT, cause });
}

export function foreign(path: string, found: string): RookeryError {
  return new RookeryError('ROOKERY_SNAPSHOT_FOREIGN', { path, found, remedy: START_WITHOUT });
}

export function expired(path: string, found: string): RookeryError {
  return new RookeryError('ROOKERY_SNAPSHOT_EXPIRED', { path, found, remedy: START_WITHOUT });
}

export function insecure(path: string, found: string): RookeryError {
  return new RookeryError('ROOKERY_SNAPSHOT_INSECURE', {
    path,
    found,
    remedy: 'Name a folder below it, which is then made with mode 0700, or make it yours alone (chown, chmod 700).',
  });
}

export function unwritable(path: string, cause: unknown): RookeryError {
  return new RookeryError('ROOKERY_SNAPSHOT_UNWRITABLE', {
    path,
    found: `${messageOf(cause)}.`,
    remedy: 'Views are served as ever; only a client that starts while the registry is down misses it.',
    cause,
  });
}
