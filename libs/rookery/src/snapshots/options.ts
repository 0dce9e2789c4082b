import { resolve } from 'node:path';
import { RookeryError, show } from '../core/errors.js';
import { checkKeys } from '../core/keys.js';

/** Where views are kept, so that clients can start while the registry is down. */
export interface CacheOptions {
  /** A folder, made with mode 0700 where it is not there; several processes may share it. Nobody else may write it. */
  readonly dir: string;
  /** What is older is not used, ms; default a day. */
  readonly maxAgeMs?: number;
}

/** The options, checked. */
export type CacheSettings = Required<CacheOptions>;

const KEYS: Readonly<Record<keyof CacheOptions, true>> = { dir: true, maxAgeMs: true };
const MAX_AGE_MS = 86_400_000;

/** @throws {RookeryError} ROOKERY_OPTION_INVALID, with a path below `path` */
export function checkCacheOptions(options: unknown, path = 'cache'): CacheSettings {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid(path, options, "Use { dir: '/var/lib/my-app/rookery' }, or leave it out.");
  checkKeys(options, KEYS, path);
  const { dir, maxAgeMs = MAX_AGE_MS } = options as { readonly [Key in keyof CacheOptions]?: unknown };
  if (typeof dir !== 'string' || dir === '' || dir.includes('\0'))
    throw invalid(`${path}.dir`, dir, 'Name a folder that outlives the process.');
  if (typeof maxAgeMs !== 'number' || !(maxAgeMs > 0))
    throw invalid(`${path}.maxAgeMs`, maxAgeMs, 'Use milliseconds, above 0.');
  return { dir: resolve(dir), maxAgeMs };
}

function invalid(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}
