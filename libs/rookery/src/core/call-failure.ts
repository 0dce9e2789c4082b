import type { CallFailure } from './call.js';
import type { GroupRule } from './call-groups.js';
import { messageOf } from './errors.js';
import type { GroupPool } from './group-pool.js';
import { ANY_GROUP, UNGROUPED } from './instance.js';

/** How many groups the message of a failed call names: every failed call pays for its text. */
const NAMED_GROUPS = 10;

const HINTS = {
  route: 'The route of the service in the registry names these groups: change it with setRoute().',
  client: 'The option `group` of the client names these groups.',
  ungrouped: 'A call without a group reaches only ungrouped instances: name a group, or "*" for all.',
} as const;

/** What a call is told that finds nobody at all. */
export function noInstance(service: string, registry: string): CallFailure {
  const details = `${service}: no instance is registered in ${withoutAddresses(registry)}.`;
  return { reason: 'ROOKERY_INSTANCE_NONE', service, details };
}

/** What a call is told that finds nobody in the groups that it asked for. */
export function groupMissing(
  service: string,
  groups: readonly string[],
  pools: ReadonlyMap<string, GroupPool>,
  { lastError, rule }: { readonly lastError?: string | undefined; readonly rule?: GroupRule | undefined },
): CallFailure {
  const ungrouped = groups.length === 1 && groups[0] === UNGROUPED && !pools.has(UNGROUPED);
  const named = rule === 'route' || rule === 'client' ? rule : ungrouped ? 'ungrouped' : undefined;
  const hint = named ? ` ${HINTS[named]}` : '';
  const error = lastError ? ` Last error: ${lastError}.` : '';
  const asked = groups.slice(0, NAMED_GROUPS).map(groupName).join(', then ');
  const details = `${service}: no usable instance in ${asked}; present: ${present(pools)}.${error}${hint}`;
  return { reason: 'ROOKERY_GROUP_MISSING', service, details };
}

/** What a call is told whose picker threw, or chose somebody whom it was not given. */
export function pickerFailed(service: string, error: unknown): CallFailure {
  const details = `${service}: the picker of the client failed: ${withoutAddresses(messageOf(error))}.`;
  return { reason: 'ROOKERY_PICKER_FAILED', service, details };
}

/** The groups that exist, the first ten of them. */
function present(pools: ReadonlyMap<string, GroupPool>): string {
  const named: string[] = [];
  for (const [group, pool] of pools) {
    if (named.length === NAMED_GROUPS) return `${named.join(', ')} and ${pools.size - named.length} more groups`;
    named.push(`${groupName(group)} (${counts(pool)})`);
  }
  return named.join(', ');
}

function counts({ size, unhealthy, failed }: GroupPool): string {
  return `${size}${unhealthy > 0 ? `, ${unhealthy} unhealthy` : ''}${failed > 0 ? `, ${failed} failed` : ''}`;
}

/** As people read it. */
export function groupName(group: string): string {
  return group === UNGROUPED ? 'ungrouped' : group === ANY_GROUP ? 'any group' : `group '${group}'`;
}

/** Messages go to callers of other teams: they name no address of the network behind. */
export function withoutAddresses(error: string): string {
  return error.replaceAll(/(?:\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}\b|\bunix:\S+/gi, '<address>').replace(/\.$/, '');
}
