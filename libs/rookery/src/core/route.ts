import { ANY_GROUP, checkGroup, UNGROUPED } from './instance.js';
import { RookeryError, show } from './errors.js';

/** Which groups serve the calls of a service that name no group themselves. */
export type GroupRoute =
  /** The first group that has a usable instance. */
  | { readonly type: 'prefer'; readonly groups: readonly string[] }
  /** A share per group, renormalised over the groups that have a usable instance. */
  | { readonly type: 'split'; readonly shares: Readonly<Record<string, number>> }
  /** Every instance, by plain weight. */
  | { readonly type: 'any' };

/** Every call without a group walks its route: a longer one is bad data. */
const MAX_ROUTE_CHARS = 16_384;

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
 * Parses the text of a route as a registry holds it.
 * @throws {RookeryError} ROOKERY_ENTRY_MALFORMED
 */
export function parseRoute(text: string, path: string): GroupRoute {
  if (text.length > MAX_ROUTE_CHARS) {
    const found = `found a route of ${text.length} characters.`;
    throw new RookeryError('ROOKERY_ENTRY_MALFORMED', { path, found, remedy: 'The last good route stays.' });
  }
  try {
    const value = JSON.parse(text) as Partial<Record<string, unknown>>;
    if (value['type'] === 'any') return { type: 'any' };
    if (value['type'] === 'prefer')
      return { type: 'prefer', groups: checkGroups(value['groups'] as string[], `${path}.groups`) };
    if (value['type'] === 'split') return { type: 'split', shares: checkShares(value['shares'], `${path}.shares`) };
  } catch (cause) {
    throw new RookeryError('ROOKERY_ENTRY_MALFORMED', {
      path,
      found: `found ${show(text)}.`,
      remedy: 'The last good route stays.',
      cause,
    });
  }
  throw new RookeryError('ROOKERY_ENTRY_MALFORMED', {
    path,
    found: `found ${show(text)}.`,
    remedy: 'The last good route stays.',
  });
}

function checkShares(shares: unknown, path: string): Readonly<Record<string, number>> {
  const entries = Object.entries((shares ?? {}) as Record<string, unknown>);
  const valid = entries.every(
    ([group, share]) =>
      typeof share === 'number' && Number.isFinite(share) && share >= 0 && checkGroup(group, path) === group,
  );
  if (!valid || !entries.some(([, share]) => (share as number) > 0)) {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path,
      found: `found ${show(shares)}.`,
      remedy: 'Give each group a share of at least 0, one above 0.',
    });
  }
  return Object.freeze(Object.fromEntries(entries) as Record<string, number>);
}

export function sameRoute(a: GroupRoute | undefined, b: GroupRoute | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
