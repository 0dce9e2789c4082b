import type { Registry, RegistryCapabilities, RegistryReach } from '../../core/registry.js';

const NARROW_TO_WIDE: readonly RegistryReach[] = ['process', 'machine', 'network'];

/** The source that registrations go to. */
export function writerOf(sources: readonly Registry[]): Registry | undefined {
  return sources.find(({ capabilities }) => capabilities.register);
}

/**
 * What several sources can do as one: what some entries say, what holds for all of them, and who sees what is registered,
 * which depends on the one that takes it alone.
 */
export function combine(sources: readonly Registry[]): RegistryCapabilities {
  const each = sources.map(({ capabilities }) => capabilities);
  const reaches = each.map(({ reach }) => reach);
  return {
    register: each.some(({ register }) => register),
    steer: each.some(({ steer }) => steer),
    routes: each.some(({ routes }) => routes),
    weights: each.some(({ weights }) => weights),
    groups: each.some(({ groups }) => groups),
    push: each.every(({ push }) => push),
    lease: each.every(({ lease }) => lease),
    propagationMs: Math.max(...each.map(({ propagationMs }) => propagationMs)),
    reach: writerOf(sources)?.capabilities.reach ?? NARROW_TO_WIDE.findLast((reach) => reaches.includes(reach))!,
  };
}
