import { RookeryError, show } from '../../../core/errors.js';
import { checkKeys, nearest, type KeysOf } from '../../../core/keys.js';
import { DIALECT_NAMES, type Dialect, type DialectName, type DialectTraits } from './dialect.js';
import { DUBBO } from './dubbo.js';
import { GO_MICRO } from './go-micro.js';
import { GoZeroDialect } from './go-zero.js';
import { GrpcGoDialect } from './grpc-go.js';
import { JsonDialect, type JsonFormat } from './json-dialect.js';
import { JUPITER } from './jupiter.js';
import { KITEX } from './kitex.js';
import { KRATOS } from './kratos.js';
import { MICRO } from './micro.js';
import { SERVICE_PLACE } from './prefix.js';
import { RookeryDialect } from './rookery.js';

/** A dialect at another place than where its framework has it by default. */
export interface DialectOptions {
  readonly dialect: DialectName;
  /**
   * What the keys of a service start with, `<service>` for its name, no slash at the end; default that of the framework
   * (docs/reference/registries.md). The prefix of `rookery` is that of the registry.
   */
  readonly prefix?: string;
}

/** A dialect that is read or written, by its name or with options. */
export type DialectChoice = DialectName | DialectOptions;

interface Foreign {
  readonly prefix: string;
  readonly make: (prefix: string) => Dialect;
}

const FOREIGN: Readonly<Record<Exclude<DialectName, 'rookery'>, Foreign>> = {
  'grpc-go': { prefix: SERVICE_PLACE, make: (prefix) => new GrpcGoDialect(prefix) },
  micro: json(MICRO),
  kratos: json(KRATOS),
  'go-zero': { prefix: SERVICE_PLACE, make: (prefix) => new GoZeroDialect(prefix) },
  jupiter: json(JUPITER),
  kitex: json(KITEX),
  'go-micro': json(GO_MICRO),
  dubbo: json(DUBBO),
};

function json(format: JsonFormat): Foreign {
  return { prefix: format.prefix, make: (prefix) => new JsonDialect(format, prefix) };
}

/** What there is to know of a dialect before it is chosen. */
export interface DialectDescription extends DialectTraits {
  readonly name: DialectName;
  /** What the keys of a service start with when nobody says otherwise. */
  readonly prefix: string;
}

/** Every dialect, in the order of the documentation. */
export const DIALECTS: readonly DialectDescription[] = DIALECT_NAMES.map((name) => {
  const prefix = name === 'rookery' ? `rookery/services/${SERVICE_PLACE}` : FOREIGN[name].prefix;
  const { traits } = name === 'rookery' ? new RookeryDialect('rookery') : FOREIGN[name].make(prefix);
  return Object.freeze({ name, prefix, ...traits });
});

/**
 * The dialects that an option names, in its order.
 * @param own the prefix of the registry, where `rookery` is
 * @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_OPTION_UNKNOWN
 */
export function chooseDialects(choices: unknown, own: string, path: string): readonly Dialect[] {
  if (!Array.isArray(choices))
    throw invalid(path, `found ${show(choices)}`, "Use a list, such as ['rookery', 'kratos'].");
  const chosen = choices.map((choice: unknown, i) => choose(choice, own, `${path}[${i}]`));
  const places = chosen.map((dialect) => dialect.folders('x'));
  for (const [i, folders] of places.entries()) {
    const same = places.findIndex((others) => others.some((other) => folders.some((folder) => meet(folder, other))));
    if (same < i)
      throw invalid(
        `${path}[${i}]`,
        `found ${chosen[i]!.name} at the keys of ${chosen[same]!.name}`,
        'Give it a prefix of its own.',
      );
  }
  return chosen;
}

function meet(one: string, two: string): boolean {
  return one.startsWith(two) || two.startsWith(one);
}

function choose(choice: unknown, own: string, path: string): Dialect {
  const { dialect, prefix } = typeof choice === 'string' ? { dialect: choice } : checkOptions(choice, path);
  if (!isDialectName(dialect)) {
    const near = typeof dialect === 'string' ? nearest(DIALECT_NAMES, dialect) : undefined;
    throw invalid(
      path,
      `found ${show(dialect)}${near ? `; did you mean "${near}"?` : ''}`,
      `Use one of ${DIALECT_NAMES.join(', ')}.`,
    );
  }
  if (dialect !== 'rookery')
    return FOREIGN[dialect].make(checkPrefix(prefix ?? FOREIGN[dialect].prefix, `${path}.prefix`));
  if (prefix !== undefined)
    throw invalid(`${path}.prefix`, `found ${show(prefix)}`, 'Use the prefix of the registry: etcd({ prefix }).');
  return new RookeryDialect(own);
}

const KEYS: KeysOf<DialectOptions> = { dialect: true, prefix: true };

function checkOptions(choice: unknown, path: string): { dialect?: unknown; prefix?: unknown } {
  if (typeof choice !== 'object' || choice === null)
    throw invalid(
      path,
      `found ${show(choice)}`,
      "Use a name, or { dialect: 'grpc-go', prefix: 'grpc-demo/grpc/<service>' }.",
    );
  checkKeys(choice, KEYS, path);
  return choice;
}

function isDialectName(name: unknown): name is DialectName {
  return (DIALECT_NAMES as readonly unknown[]).includes(name);
}

function checkPrefix(prefix: unknown, path: string): string {
  const valid =
    typeof prefix === 'string' &&
    prefix.length <= 255 &&
    prefix.split(SERVICE_PLACE).length === 2 &&
    !/[\s\p{Cc}]|\/$/u.test(prefix);
  if (valid) return prefix;
  throw invalid(
    path,
    `found ${show(prefix)}`,
    `Name the service once, as ${SERVICE_PLACE}; no slash at the end, no spaces.`,
  );
}

function invalid(path: string, found: string, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', {
    path,
    found: `${found}${found.endsWith('?') ? '' : '.'}`,
    remedy,
  });
}
