import { AsyncLocalStorage } from 'node:async_hooks';
import { Catch, type ExceptionFilter } from '@nestjs/common';

/** What the handler of one call threw, before Nest made an answer of it. */
export interface Thrown {
  exception?: unknown;
}

interface Note {
  readonly exception: unknown;
  /** In whose context it was thrown. */
  readonly call: Thrown | undefined;
}

const calls = new AsyncLocalStorage<Thrown>();
/** What has been noted in the running turn: an Observable may fail in the context of another call. */
let latest: Note | undefined;

/** Runs a handler, or subscribes to what it gave; what it throws is noted in `thrown` before an exception filter is asked. */
export function withNote<T>(thrown: Thrown, run: () => T): T {
  return calls.run(thrown, run);
}

/**
 * What was thrown where the Observable of a call has just failed.
 * @param before what was noted when the handler had returned: Nest makes an Observable of its exception. Other calls may
 * have failed in this turn, so `latest` counts only for an Observable that failed by itself.
 */
export function notedFor(thrown: Thrown, before: unknown): unknown {
  const note = latest;
  latest = undefined;
  if (note?.call === thrown) return note.exception;
  if (before !== undefined) return before;
  // The call in whose context it failed has not thrown it.
  if (note?.call) delete note.call.exception;
  return note?.exception;
}

class Everything {
  static [Symbol.hasInstance](exception: unknown): boolean {
    const call = calls.getStore();
    if (call) call.exception = exception;
    const note = (latest = { exception, call });
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
