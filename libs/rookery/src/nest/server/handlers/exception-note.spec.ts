import type { ArgumentsHost } from '@nestjs/common';
import { firstValueFrom, throwError, type Observable } from 'rxjs';
import { expect, it } from 'vitest';
import { exceptionOf, noteExceptions } from './exception-note.js';

/** Nest's last filter, of a copy of its own. */
class LastFilter {
  readonly asked: unknown[] = [];

  catch(...[exception]: [unknown, ArgumentsHost]): Observable<any> {
    this.asked.push(exception);
    return throwError(() => 'status');
  }
}

const hostOf = (...args: unknown[]) => ({ getArgs: () => args }) as unknown as ArgumentsHost;
const call = () => ({ getDeadline: () => Infinity });
const gone = new Error('gone');
const lost = new Error('lost');

it('notes the exception of a call, wherever the call stands, and lets the filter work', async () => {
  noteExceptions(LastFilter.prototype);
  const filter = new LastFilter();
  const [unary, stream] = [call(), call()];
  await expect(firstValueFrom(filter.catch(gone, hostOf({}, {}, unary)))).rejects.toBe('status');
  filter.catch(
    lost,
    hostOf(stream, () => {}),
  );
  expect([exceptionOf(unary), exceptionOf(stream)]).toEqual([gone, lost]);
  expect(filter.asked).toEqual([gone, lost]);
});

it('notes nothing of other transports, nor without a host', () => {
  noteExceptions(LastFilter.prototype);
  const filter = new LastFilter();
  const [data, context, next] = [{ getDeadline: 1 }, {}, () => {}];
  for (const args of [[], [null], [data, context], [data, context, next]]) filter.catch(gone, hostOf(...args));
  for (const host of [undefined, {}]) filter.catch(gone, host as ArgumentsHost);
  expect([data, context, next].map(exceptionOf)).toEqual([undefined, undefined, undefined]);
  expect(filter.asked).toHaveLength(6);
});

it('is wrapped around a filter once', () => {
  class Other extends LastFilter {
    override catch(...args: [unknown, ArgumentsHost]) {
      return super.catch(...args);
    }
  }
  noteExceptions(Other.prototype);
  const wrapped = Object.getOwnPropertyDescriptor(Other.prototype, 'catch');
  noteExceptions(Other.prototype);
  expect(Object.getOwnPropertyDescriptor(Other.prototype, 'catch')).toEqual(wrapped);
  expect(wrapped).toMatchObject({ enumerable: false });
});
