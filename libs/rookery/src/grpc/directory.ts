import { createDirectory as createCoreDirectory, type Directory, type DirectoryOptions } from '../core/directory.js';
import { guardedSink } from '../core/event.js';
import { checkKeys } from '../core/keys.js';
import type { Registry } from '../core/registry.js';
import { fileCache } from '../snapshots/file-cache.js';
import type { CacheOptions } from '../snapshots/options.js';
import { systemRandom } from '../system/random.js';
import { systemTime } from '../system/time.js';

/** Options of `createDirectory`. */
export interface DirectorySettings extends Partial<Omit<DirectoryOptions, 'cache'>> {
  /** Keeps views on disk, so that clients can start while the registry is down; default not. */
  readonly cache?: CacheOptions;
}

const KEYS: Readonly<Record<keyof DirectorySettings, true>> = {
  time: true,
  random: true,
  emit: true,
  lingerMs: true,
  cache: true,
};

/**
 * A directory over a registry, on the clock of this process; one per registry is enough. Dispose it before the registry.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID
 */
export function createDirectory(registry: Registry, options: DirectorySettings = {}): Directory {
  checkKeys(options, KEYS, 'createDirectory');
  const { cache, ...own } = options;
  const emit = own.emit ? guardedSink(own.emit) : registry.events.emit;
  const common = { time: systemTime, random: systemRandom, ...own, emit };
  if (cache === undefined) return createCoreDirectory(registry, common);
  const { time } = common;
  return createCoreDirectory(registry, { ...common, cache: fileCache(cache, { registry: registry.name, emit, time }) });
}
