import { createDirectory } from '../grpc/directory.js';
import { checkBalancing } from '../core/balancing-options.js';
import type { Directory } from '../core/directory.js';
import { checkInstanceOptions, checkName } from '../core/instance.js';
import { RookeryError, show } from '../core/errors.js';
import { checkKeys } from '../core/keys.js';
import type { Registry } from '../core/registry.js';
import { defaultRegistry, registryScope } from '../registries/default.js';
import { registryFromUrl } from '../registries/url.js';
import { checkCacheOptions, type CacheSettings } from '../snapshots/options.js';
import { shared } from '../system/shared.js';
import { checkRegisterMode, readEnvironment, type RookeryEnvironment } from './environment.js';
import { checkMux } from './mux-options.js';
import { MODULE_KEYS } from './option-keys.js';
import type { RookeryModuleOptions } from './options.js';

/** What one application shares: its registry, the directory over it, and what options and environment say. */
export interface RookeryRuntime {
  readonly registry: Registry;
  readonly directory: Directory;
  readonly options: RookeryModuleOptions;
  readonly environment: RookeryEnvironment;
  /** The last application to close a registry disposes it. */
  close(): Promise<void>;
}

interface OpenRegistry {
  readonly directory: Directory;
  readonly cache: CacheSettings | undefined;
  users: number;
}

const openRegistries = shared('registries', () => new Map<Registry, OpenRegistry>());

/** @throws {RookeryError} the code of the first option or variable that is wrong */
export function openRuntime(options: RookeryModuleOptions, env: NodeJS.ProcessEnv): RookeryRuntime {
  if (typeof options !== 'object' || options === null) throw noOptions(options);
  checkKeys(options, MODULE_KEYS, 'forRoot');
  if (options.register !== undefined) checkRegisterMode(options.register, 'forRoot.register');
  checkBalancing(options, 'forRoot');
  if (options.mux !== undefined) checkMux(options.mux, 'forRoot.mux');
  const cache = options.cache === undefined ? undefined : checkCacheOptions(options.cache);
  const environment = environmentOf(options, env);
  const registry = chooseRegistry(options, env);
  const open = openRegistry(registry, cache);
  open.users += 1;
  let closing: Promise<void> | undefined;
  return {
    registry,
    directory: open.directory,
    options,
    environment,
    close: () => (closing ??= release(registry, open)),
  };
}

/** What options say of the process beats its environment. */
function environmentOf({ zone }: RookeryModuleOptions, env: NodeJS.ProcessEnv): RookeryEnvironment {
  const said = readEnvironment(env);
  if (zone === undefined) return said;
  return { ...said, instance: { ...said.instance, ...checkInstanceOptions({ zone }, 'forRoot') } };
}

function openRegistry(registry: Registry, cache: CacheSettings | undefined): OpenRegistry {
  const open = openRegistries.get(registry) ?? {
    directory: createDirectory(registry, cache ? { cache } : {}),
    cache,
    users: 0,
  };
  if (cache && (open.cache?.dir !== cache.dir || open.cache.maxAgeMs !== cache.maxAgeMs)) throw otherCache(cache, open);
  openRegistries.set(registry, open);
  return open;
}

/** Applications that share a registry share what is known of it, and where that is kept. */
function otherCache({ dir }: CacheSettings, open: OpenRegistry): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', {
    path: 'cache',
    found: `found ${show(dir)}, while another application has this registry open ${open.cache ? `with ${show(open.cache.dir)}` : 'without a cache'}.`,
    remedy: 'Say the same in both, or give each application a registry of its own.',
  });
}

function noOptions(options: unknown): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', {
    path: 'RookeryModule.forRoot',
    found: `found ${show(options)}.`,
    remedy: 'Pass an object, or let the factory of forRootAsync() return one; {} is enough.',
  });
}

async function release(registry: Registry, open: OpenRegistry): Promise<void> {
  open.users -= 1;
  if (open.users > 0) return;
  openRegistries.delete(registry);
  await open.directory[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
}

function chooseRegistry({ registry, namespace }: RookeryModuleOptions, env: NodeJS.ProcessEnv): Registry {
  if (namespace !== undefined) checkName(namespace, 'forRoot.namespace');
  if (registry === undefined) return defaultRegistry(env, namespace);
  if (typeof registry === 'string')
    return registryFromUrl(registry, { path: 'forRoot.registry', ...registryScope(env, namespace) });
  if (typeof registry?.register === 'function' && typeof registry.watch === 'function') return registry;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: 'forRoot.registry',
    found: `found ${show(registry)}.`,
    remedy: "Pass a registry such as etcd({ hosts }), or a URL such as 'etcd://127.0.0.1:2379'.",
  });
}
