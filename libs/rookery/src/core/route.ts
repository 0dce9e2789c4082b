import { ANY_GROUP, checkGroup, checkName, UNGROUPED } from './instance.js';
import { reasonOf, RookeryError, show } from './errors.js';
import { checkKeys } from './keys.js';

/** Which groups serve the calls of a service that name no group themselves. */
export type GroupRoute =
  /** The first group that has a usable instance; `''` (`UNGROUPED`) is the ungrouped, `'*'` any. */
  | { readonly type: 'prefer'; readonly groups: readonly string[] }
  /**
   * A share per group, 0 or more, renormalised over the groups that have a usable instance; the key `''` (`UNGROUPED`) is
   * the ungrouped. Only their ratios count: `{ '': 9, canary: 1 }` is `{ '': 90, canary: 10 }`. Calls with one
   * hash key stay in one group.
   */
  | { readonly type: 'split'; readonly shares: Readonly<Record<string, number>> }
  /** Every instance, by plain weight. */
  | { readonly type: 'any' };

/** Every call without a group walks its route: a longer one is bad data. */
const MAX_ROUTE_CHARS = 16_384;

const KEYS = {
  prefer: { type: true, groups: true },
  split: { type: true, shares: true },
  any: { type: true },
} as const;

const isType = (type: unknown): type is keyof typeof KEYS => typeof type === 'string' && Object.hasOwn(KEYS, type);

/** What holds where the registry says nothing: ungrouped instances only. */
export const DEFAULT_ROUTE: GroupRoute = Object.freeze({ type: 'prefer', groups: Object.freeze([UNGROUPED]) });

/**
 * A group, or an ordered list of groups, as calls and clients name them.
 * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID
 */
export function checkGroups(groups: string | readonly string[], path: string): readonly string[] {
  const list = Array.isArray(groups) ? (groups as readonly string[]) : [groups as string];
  if (list.length === 0) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path,
      found: 'found an empty list.',
      remedy: 'Name a group, UNGROUPED or "*", or leave the option out.',
    });
  }
  list.forEach((group, i) => group === ANY_GROUP || checkGroup(group, Array.isArray(groups) ? `${path}[${i}]` : path));
  return list;
}

/**
 * A route as somebody wants it written: a copy that nobody changes, without anything that no reader knows.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_NAME_INVALID, with the path, such as `route.shares.canary`
 */
export function checkRoute(route: unknown, path = 'route'): GroupRoute {
  const given = checkObject(route, path);
  const { type } = given;
  // What is misspelt is told before what is missing.
  if (isType(type)) checkKeys(given, KEYS[type], path);
  const checked = readRoute(given, path);
  const { length } = JSON.stringify(checked);
  if (length <= MAX_ROUTE_CHARS) return checked;
  throw invalid(path, `found a route of ${length} characters`, `Use at most ${MAX_ROUTE_CHARS}: name fewer groups.`);
}

/**
 * What somebody wants of a service's route, for registries that write it.
 * @param route nothing takes the route away
 * @throws {RookeryError} ROOKERY_NAME_INVALID, ROOKERY_OPTION_INVALID
 */
export function checkRouteChange(service: string, route: GroupRoute | undefined): GroupRoute | undefined {
  checkName(service, 'service');
  return route === undefined ? undefined : checkRoute(route);
}

/**
 * Parses the text of a route as a registry holds it; fields that nobody knows are left out.
 * @throws {RookeryError} ROOKERY_ENTRY_MALFORMED
 */
export function parseRoute(text: string, path: string): GroupRoute {
  const malformed = (found: string, cause?: unknown) =>
    new RookeryError('ROOKERY_ENTRY_MALFORMED', { path, found, remedy: 'The last good route stays.', cause });
  if (text.length > MAX_ROUTE_CHARS) throw malformed(`found a route of ${text.length} characters.`);
  try {
    return readRoute(JSON.parse(text), 'route');
  } catch (cause) {
    throw malformed(cause instanceof RookeryError ? reasonOf(cause) : `found ${show(text)}.`, cause);
  }
}

function readRoute(value: unknown, path: string): GroupRoute {
  const { type, groups, shares } = checkObject(value, path);
  if (type === 'any') return Object.freeze({ type });
  if (type === 'prefer') {
    // One text would be a list of one to some readers, and malformed to others.
    if (!Array.isArray(groups)) throw invalid(`${path}.groups`, foundIn(groups), "Use a list, such as ['canary', ''].");
    const list = [...checkGroups(groups as string[], `${path}.groups`)];
    return Object.freeze({ type, groups: Object.freeze(list) });
  }
  if (type === 'split') return Object.freeze({ type, shares: checkShares(shares, `${path}.shares`) });
  throw invalid(`${path}.type`, `found ${show(type)}`, "Use 'prefer', 'split' or 'any'.");
}

function foundIn(value: unknown): string {
  return value === undefined ? 'it is missing' : `found ${show(value)}`;
}

function checkObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(
    path,
    `found ${show(value)}`,
    "Use an object such as { type: 'split', shares: { '': 90, canary: 10 } }, or undefined to take the route away.",
  );
}

function checkShares(value: unknown, path: string): Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(path, foundIn(value), "Use an object, such as { '': 90, canary: 10 }.");
  const shares = Object.entries(value as Record<string, unknown>);
  let sum = 0;
  for (const [group, share] of shares) {
    if (group === ANY_GROUP) throw shareOfAny(`${path}.*`);
    checkGroup(group, `${path}.${group}`);
    if (typeof share !== 'number' || !Number.isFinite(share) || share < 0)
      throw invalid(`${path}.${group || "''"}`, `found ${show(share)}`, 'Use a number of at least 0.');
    sum += share;
  }
  if (!(sum > 0 && Number.isFinite(sum)))
    throw invalid(path, `found shares whose sum is ${sum}`, 'Give at least one group a share above 0.');
  return Object.freeze(Object.fromEntries(shares) as Record<string, number>);
}

function shareOfAny(path: string): RookeryError {
  return new RookeryError('ROOKERY_NAME_INVALID', {
    path,
    found: 'found "*".',
    remedy:
      "Any group has no share of its own beside theirs: name the groups, '' for the ungrouped, or use { type: 'any' }.",
  });
}

function invalid(path: string, found: string, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `${found}.`, remedy });
}

export function sameRoute(a: GroupRoute | undefined, b: GroupRoute | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
