import { RookeryError, show } from '../core/errors.js';
import { checkName } from '../core/instance.js';
import type { Registry } from '../core/registry.js';
import { productionSign } from '../system/production.js';
import { local } from './local.js';
import { processMemory } from './memory.js';
import { registryFromUrl, type RegistryUrlOptions } from './url.js';

/** The variables that choose a registry; empty ones count as unset. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The registry of an application that names none: `ROOKERY_REGISTRY` where it is set; `memory:` (one per process)
 * under vitest and jest; in production none, since a registry that only this machine sees would look like one that
 * works; else the one of this machine. `ROOKERY_NAMESPACE` and `ROOKERY_TTL_MS` count too.
 * @param namespace default `ROOKERY_NAMESPACE`
 * @throws {RookeryError} ROOKERY_REGISTRY_UNSET, ROOKERY_REGISTRY_URL_INVALID, ROOKERY_OPTION_INVALID, ROOKERY_NAME_INVALID
 */
export function defaultRegistry(env: Environment, namespace?: string): Registry {
  const scope = registryScope(env, namespace);
  if (env['ROOKERY_REGISTRY'])
    return registryFromUrl(env['ROOKERY_REGISTRY'], { path: 'env ROOKERY_REGISTRY', ...scope });
  if (env['VITEST'] || env['JEST_WORKER_ID']) return processMemory(scope.namespace);
  const production = productionSign(env);
  if (production) throw unset(production);
  return local(scope.namespace === undefined ? {} : { namespace: scope.namespace });
}

/**
 * What the environment says of any registry that is named by URL: its namespace, and how long the dead are kept.
 * @param namespace default `ROOKERY_NAMESPACE`
 * @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_NAME_INVALID
 */
export function registryScope(
  env: Environment,
  namespace = namespaceOf(env),
): Pick<RegistryUrlOptions, 'namespace' | 'ttlMs'> {
  const ttlMs = ttlOf(env);
  return { ...(namespace !== undefined && { namespace }), ...(ttlMs !== undefined && { ttlMs }) };
}

function unset(sign: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_UNSET', {
    path: 'registry',
    found: `found no registry, and this looks like production (${sign}).`,
    remedy:
      'Set the option, as in RookeryModule.forRoot({ registry: etcd({ hosts: ["10.0.0.1:2379"] }) }), or the variable, ' +
      'as in ROOKERY_REGISTRY=etcd://10.0.0.1:2379. ROOKERY_REGISTRY=local: is for services of one machine.',
  });
}

function namespaceOf(env: Environment): string | undefined {
  const namespace = env['ROOKERY_NAMESPACE'];
  return namespace ? checkName(namespace, 'env ROOKERY_NAMESPACE') : undefined;
}

function ttlOf(env: Environment): number | undefined {
  const text = env['ROOKERY_TTL_MS'];
  if (!text) return undefined;
  const ttlMs = Number(text);
  if (/^\d+$/.test(text) && ttlMs >= 2000 && ttlMs <= 86_400_000) return ttlMs;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path: 'env ROOKERY_TTL_MS',
    found: `found ${show(text)}.`,
    remedy: 'Use whole milliseconds from 2000 to 86400000; the default is 20000.',
  });
}
