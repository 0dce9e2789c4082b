import { AsyncLocalStorage } from 'node:async_hooks';
import { Catch, type ExceptionFilter } from '@nestjs/common';

/** What a handler threw, before Nest made an answer of it. */
export interface Thrown {
  exception?: unknown;
}

const calls = new AsyncLocalStorage<Thrown>();
/** What has been noted in the running turn: an Observable may fail in the context of another call. */
let latest: Thrown | undefined;

/** Runs a handler; what it throws is noted in `thrown` before an exception filter is asked. */
export function withNote<T>(thrown: Thrown, handler: () => T): T {
  return calls.run(thrown, handler);
}

/** What was thrown where a call has just failed. */
export function notedFor(thrown: Thrown): unknown {
  return latest ? latest.exception : thrown.exception;
}

class Everything {
  static [Symbol.hasInstance](exception: unknown): boolean {
    const call = calls.getStore();
    if (call) call.exception = exception;
    const note = (latest = { exception });
    queueMicrotask(() => {
      if (latest === note) latest = undefined;
    });
    return false;
  }
}

/**
 * A filter that catches nothing. Nest asks the filters of a handler one after the other whether an exception is theirs,
 * the last of the method's first and the global ones at the end. A filter that catches would come before the global
 * ones wherever we may put it; whoever only hears the question leaves all of them their place, and in hybrid applications
 * too, where a server has global filters of its own.
 */
@Catch(Everything)
class ExceptionNote implements ExceptionFilter {
  catch(exception: unknown): never {
    throw exception;
  }
}

export const exceptionNote: ExceptionFilter = new ExceptionNote();
