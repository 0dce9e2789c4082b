import type { ArgumentsHost } from '@nestjs/common';
import { BaseRpcExceptionFilter } from '@nestjs/microservices';
import { shared } from '../../../system/shared.js';

/** What Nest's last filter was given, by call. One for all copies of this package, since only one of them notes it. */
const exceptions = shared('exceptions', () => new WeakMap<object, unknown>());
/** The prototypes that note already; there is one for each copy of Nest. */
const noting = shared('noting filters', () => new WeakSet<object>());

type LastFilter = Pick<BaseRpcExceptionFilter, 'catch'>;

/**
 * From now on, Nest's last filter notes the exceptions of gRPC calls; once, however often it is asked for. It is the base
 * of every handler's chain of filters, so it sees what no filter of the user has handled, and what one leaves to `super`.
 * It does as before, for calls over every transport: a filter in the chain would come before the global ones.
 */
export function noteExceptions(filter: LastFilter = BaseRpcExceptionFilter.prototype): void {
  if (noting.has(filter)) return;
  noting.add(filter);
  const original = filter.catch;
  filter.catch = function (this: LastFilter, exception, host) {
    const call = callOf(host);
    if (call) exceptions.set(call, exception);
    return original.call(this, exception, host);
  };
}

/** The exception of a call that Nest has replaced by "Internal server error", or by what the exception says. */
export function exceptionOf(call: object): unknown {
  return exceptions.get(call);
}

/**
 * Handlers take a message, its metadata and the call, or the call first; those of other transports take none. Who calls
 * the filter himself may give it anything.
 */
function callOf(host: Partial<ArgumentsHost> | undefined): object | undefined {
  const [first, , third] = host?.getArgs?.<unknown[]>() ?? [];
  return [third, first].find(isCall);
}

function isCall(argument: unknown): argument is object {
  return typeof (argument as { getDeadline?: unknown } | null | undefined)?.getDeadline === 'function';
}
