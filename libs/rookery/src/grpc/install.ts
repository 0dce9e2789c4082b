import { experimental } from '@grpc/grpc-js';
import { RookeryError } from '../core/errors.js';
import { DiscoveryPolicy, DiscoveryPolicyConfig, POLICY_NAME } from './load-balancer.js';
import { DiscoveryResolver, SCHEME } from './resolver.js';

let installed = false;

/**
 * Makes `discovery:` targets and our policy known to grpc-js, once.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID where grpc-js is too old
 */
export function install(): void {
  if (installed) return;
  if (typeof experimental.statusOrFromValue !== 'function') {
    throw new RookeryError('ROOKERY_OPTION_INVALID', {
      path: '@grpc/grpc-js',
      found: 'found a version older than 1.14.',
      remedy: 'Install @grpc/grpc-js >=1.14.7 <1.15.',
    });
  }
  installed = true;
  experimental.registerResolver(SCHEME, DiscoveryResolver);
  experimental.registerLoadBalancerType(POLICY_NAME, DiscoveryPolicy, DiscoveryPolicyConfig);
}
