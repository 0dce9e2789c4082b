import { AsyncResource } from 'node:async_hooks';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { mergeMap, of, type Observable } from 'rxjs';
import { isIterable, pull, type Outlet } from './pull.js';

const outlets = new WeakSet<object>();

/** Lets the handler of a call answer with an iterable. */
export function pullingFor<T extends object>(call: T): T {
  outlets.add(call);
  return call;
}

/**
 * Makes an Observable of the iterable that a handler gives. It stands next to the handler, so that the interceptors of
 * the user see messages, and the exception filters what an iterator throws. Other calls of the handler, such as those
 * over HTTP, pass.
 */
class PullingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const call: unknown = context.getArgByIndex(2);
    const given = next.handle();
    if (typeof call !== 'object' || call === null || !outlets.has(call)) return given;
    // A generator runs in the context of whoever asks it for a message: that of the interceptors around.
    const step = AsyncResource.bind((iterator: AsyncIterator<unknown> | Iterator<unknown>) => iterator.next());
    return given.pipe(
      mergeMap((first, index) =>
        index === 0 && isIterable(first) ? pull(first, call as Outlet, step as Parameters<typeof pull>[2]) : of(first),
      ),
    );
  }
}

export const pullingInterceptor: NestInterceptor = new PullingInterceptor();
