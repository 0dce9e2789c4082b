import { RookeryError, show } from '../core/errors.js';
import { checkInstanceOptions, type InstanceOptions } from '../core/instance.js';
import { nearest } from '../core/keys.js';

/** All that this version knows, whoever reads them. */
const NAMES = 'REGISTRY NAMESPACE TTL_MS REGISTER BIND ADVERTISE GROUP WEIGHT ZONE VERSION'
  .split(' ')
  .map((name) => `ROOKERY_${name}`);

export type RegisterMode = 'auto' | 'manual' | 'never';

/** What the environment says; read once, when the providers are built. */
export interface RookeryEnvironment {
  readonly register?: RegisterMode;
  /** Where servers listen that name no url. */
  readonly bind?: string;
  readonly advertise?: string;
  readonly podIp?: string;
  readonly instance: InstanceOptions;
}

/**
 * Reads `ROOKERY_REGISTER, _BIND, _ADVERTISE, _GROUP, _WEIGHT, _ZONE, _VERSION` and `POD_IP`. Empty counts as unset.
 * @throws {RookeryError} the code of the first variable that is wrong, with its name as the path
 */
export function readEnvironment(env: NodeJS.ProcessEnv): RookeryEnvironment {
  checkNames(env);
  const text = (name: string) => env[name]?.trim() || undefined;
  const register = text('ROOKERY_REGISTER');
  const [bind, advertise, podIp] = [text('ROOKERY_BIND'), text('ROOKERY_ADVERTISE'), text('POD_IP')];
  return {
    ...(register && { register: checkRegisterMode(register, 'env ROOKERY_REGISTER') }),
    ...(bind && { bind }),
    ...(advertise && { advertise }),
    ...(podIp && { podIp }),
    instance: {
      ...field('group', text('ROOKERY_GROUP'), 'ROOKERY_GROUP'),
      ...field('weight', text('ROOKERY_WEIGHT'), 'ROOKERY_WEIGHT'),
      ...field('zone', text('ROOKERY_ZONE'), 'ROOKERY_ZONE'),
      ...field('version', text('ROOKERY_VERSION'), 'ROOKERY_VERSION'),
    },
  };
}

/**
 * Refuses what looks like a misspelt variable of ours. Others are let be: Kubernetes sets ROOKERY_PORT and
 * ROOKERY_REGISTRY_SERVICE_HOST where services are called rookery and rookery-registry.
 */
function checkNames(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (!/^ROOKERY_./.test(name) || NAMES.includes(name) || !env[name]?.trim()) continue;
    const near = nearest(NAMES, name);
    if (near === undefined || name.startsWith(`${near}_`)) continue;
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: `env ${name}`,
      found: 'there is no such variable.',
      remedy: `Did you mean ${near}?`,
    });
  }
}

export function checkRegisterMode(value: unknown, path: string): RegisterMode {
  if (value === 'auto' || value === 'manual' || value === 'never') return value;
  throw new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `found ${show(value)}.`,
    remedy: "Use 'auto', 'manual' or 'never'.",
  });
}

function field(name: keyof InstanceOptions, text: string | undefined, variable: string): InstanceOptions {
  if (text === undefined) return {};
  const value = name === 'weight' ? (/^\d+$/.test(text) ? Number(text) : text) : text;
  try {
    return checkInstanceOptions({ [name]: value }, 'env');
  } catch (error) {
    if (!(error instanceof RookeryError)) throw error;
    const found = `found ${show(value)}.`;
    const remedy = error.message.slice(error.message.indexOf(found) + found.length + 1);
    throw new RookeryError(error.code, { path: `env ${variable}`, found, remedy, cause: error });
  }
}
