import type { CallHandler, ExecutionContext, NestInterceptor, OnApplicationShutdown } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { onStreams } from './count-streams.js';

/** What a server took. */
export interface Served {
  /** Calls of the probe, however they came. */
  readonly unary: number;
  readonly streams: number;
  /** Of HTTP/2, whatever they carried. */
  readonly ofHttp2: number;
}

const served = { unary: 0, streams: 0, ofHttp2: 0 };
onStreams(() => (served.ofHttp2 += 1));

/** Counts the calls of the probe as an interceptor, and prints `served` with what there was when the server has stopped. */
export class ServedCounter implements NestInterceptor, OnApplicationShutdown {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    served[context.getHandler().name === 'follow' ? 'streams' : 'unary'] += 1;
    return next.handle();
  }

  onApplicationShutdown(): void {
    console.log(`served ${JSON.stringify(served)}`);
  }
}

/** What a server that has stopped printed of it. */
export function servedBy(output: readonly string[]): Served | undefined {
  const told = output.find((line) => line.startsWith('served '));
  return told === undefined ? undefined : (JSON.parse(told.slice('served '.length)) as Served);
}
