import { status } from '@grpc/grpc-js';
import type { Logger } from '@nestjs/common';
import { catchError, concatMap, from, isObservable, map, of, type Observable } from 'rxjs';
import { Refusal, statusOf, statusOfUnseen, unknown, type CallStatus } from './call-status.js';
import { exceptionOf } from './exception-note.js';
import { heard } from './heard.js';

/** A method of a contract, as far as answers go. */
export interface AnswerType {
  /** `/users.UserService/GetById` */
  readonly path: string;
  readonly responseSerialize: (message: unknown) => unknown;
}

/** What the handler of a call has given, as messages; it fails with a `Refusal`, or with what no filter has seen. */
export function messagesOf(given: unknown, call: object): Observable<unknown> {
  if (!isObservable(given)) return of(given);
  // Of the user's copy of RxJS.
  return from(given).pipe(
    catchError((error: unknown) => {
      throw new Refusal(statusOf(error, exceptionOf(call)));
    }),
    // They wait here for their turn, and those behind the first refusal for ever.
    map(heard),
    concatMap((message) => (message instanceof Promise ? from(message) : of(message))),
  );
}

/**
 * The message that is sent: an empty one for nothing, where the type has no fields.
 * @throws {Refusal} INTERNAL where nothing was given and the type has fields
 */
export function messageFor(type: AnswerType, given: unknown): unknown {
  if (given !== undefined && given !== null) return given;
  if (isEmpty(type)) return {};
  throw new Refusal({
    code: status.INTERNAL,
    message: `the handler of ${type.path.slice(1)} gave no message. Return one, or throw new RpcException({ code: status.NOT_FOUND, message: '…' }).`,
  });
}

/** The status of a call whose handler failed behind the filters; what clients must not read is logged. */
export function refusalOf(error: unknown, logger: Pick<Logger, 'error'>): CallStatus {
  const known = statusOfUnseen(error);
  if (known && (known.code as number | undefined) !== status.INTERNAL) return known;
  logger.error(error instanceof Refusal ? error.message : error);
  return known ?? unknown();
}

const empty = new WeakMap<AnswerType, boolean>();

function isEmpty(type: AnswerType): boolean {
  let known = empty.get(type);
  if (known === undefined) empty.set(type, (known = serializesNothing(type)));
  return known;
}

/** Only a type without fields can be made of nothing. */
function serializesNothing({ responseSerialize }: AnswerType): boolean {
  try {
    responseSerialize(undefined);
    return true;
  } catch {
    return false;
  }
}
