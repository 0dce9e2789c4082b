import { chooseBalancer, type BalancerName } from './balancer-choice.js';
import type { BalancerOptions } from './balancer.js';
import { checkMs } from './duration.js';
import { checkEjection, type EjectionOptions } from './ejection-options.js';
import type { KeysOf } from './keys.js';
import type { PickerFactory } from './picker.js';
import { checkRetry, type Retry } from './retry.js';
import { checkSubset } from './subset.js';
import { checkZone } from './zone-preference.js';

/** How a client chooses among the instances of a service, and what it does about those that fail. */
export interface BalancingOptions {
  /** How instances of a group are chosen: a name, or a picker of one's own. Default `'weighted'`. */
  readonly balancer?: BalancerName | PickerFactory;
  /**
   * What is sent again, to an instance that the call was not sent to before. `'idempotent'`: what surely was not
   * processed, and where UNAVAILABLE leaves that open, calls marked `idempotent` or by their .proto. `false`: only what
   * grpc-js itself sends again. Or `{ maxAttempts, budget }`. A `grpc.service_config` with retry or hedging policies of its
   * own takes the place of this. Default `'idempotent'`: 3 attempts, 20 % of the calls and 10 a second.
   */
  readonly retry?: Retry;
  /**
   * When instances whose calls or connections fail get no calls for a while, as long as their group has others (gRFC A50,
   * Finagle's failure accrual); `false` is never. Default: after 5 failures in a row, for 5 s, then longer.
   */
  readonly ejection?: false | EjectionOptions;
  /**
   * How long the share of an instance that joins grows, from a tenth of its weight to all of it, ms; counted from when this
   * client first sees it ready (Envoy's slow start). Default 0: all of it at once.
   */
  readonly warmUpMs?: number;
  /**
   * To how many instances of a group the client connects, 0 or `false` = all; default 200, and all with a picker by key,
   * since clients agree on a key only where they choose among the same. It chooses them by a hash with a
   * seed of its own, replaces those that fail, and connects to fewer only where a group has fewer (gRFC A68).
   */
  readonly subset?: number | false;
  /**
   * Where the client stands. Instances of the same `zone` are preferred: they take min(1, 1.4 × the usable weight of the
   * zone / its weight) of the calls, the others take the rest by weight (the rule of Envoy's priority levels). With fewer
   * than two usable instances in the zone all count by weight alone. Default, and `false`: no preference.
   */
  readonly zone?: string | false;
  /**
   * How long an instance that the registry lost without a word is kept beside others that it knows, for as long as the
   * connection to it holds, ms; default 60 000. Where its whole group was lost it is kept as long as the connection.
   */
  readonly quarantineMs?: number;
}

export const BALANCING_KEYS: KeysOf<BalancingOptions> = {
  balancer: true,
  retry: true,
  ejection: true,
  warmUpMs: true,
  subset: true,
  zone: true,
  quarantineMs: true,
};

/** What a balancer makes of them. */
export type Balancing = Pick<
  BalancerOptions,
  'picker' | 'ejection' | 'warmUpMs' | 'subset' | 'zone' | 'quarantineMs'
> & { readonly retry?: Retry | undefined };

/** @throws {RookeryError} ROOKERY_OPTION_INVALID under `path` */
export function checkBalancing(options: BalancingOptions, path: string): Balancing {
  const { balancer, retry, ejection, warmUpMs, subset, zone, quarantineMs } = options;
  if (warmUpMs !== undefined) checkMs(warmUpMs, `${path}.warmUpMs`);
  if (quarantineMs !== undefined) checkMs(quarantineMs, `${path}.quarantineMs`);
  if (ejection !== undefined) checkEjection(ejection, `${path}.ejection`);
  const picker = balancer === undefined ? undefined : chooseBalancer(balancer, `${path}.balancer`);
  return {
    warmUpMs,
    quarantineMs,
    ejection,
    retry: retry === undefined ? undefined : checkRetry(retry, `${path}.retry`),
    subset: subset === undefined ? undefined : checkSubset(subset, `${path}.subset`),
    zone: zone === undefined ? undefined : checkZone(zone, path),
    ...(picker && { picker }),
  };
}

/** Those that are set, the later ones before the earlier ones. */
export function mergeBalancing(...layers: readonly BalancingOptions[]): BalancingOptions {
  const set = layers.flatMap((layer) =>
    Object.entries(layer).filter(([key, value]) => Object.hasOwn(BALANCING_KEYS, key) && value !== undefined),
  );
  return Object.fromEntries(set) as BalancingOptions;
}
