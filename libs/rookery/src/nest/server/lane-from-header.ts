import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { RookeryError, show } from '../../core/errors.js';
import { checkKeys } from '../../core/keys.js';
import { checkLaneList, readLane, withLane } from '../../grpc/lane.js';

export interface LaneFromHeaderOptions {
  /** The lanes that a caller may choose; whatever else the header says is ignored. */
  readonly allow: readonly string[];
}

/**
 * The lane of HTTP requests: `app.useGlobalInterceptors(laneFromHeader('x-lane', { allow: ['canary'] }))`, or
 * `@UseInterceptors(…)`. The handler, its pipes, the interceptors behind this one and what subscribes to its answer run in
 * the lane that the header names, where `allow` has it; without the header, with another text, or with several headers of
 * that name, nothing changes. Guards run before interceptors, and so outside. Calls that are no HTTP requests pass: gRPC
 * brings its own lane.
 * @throws {RookeryError} ROOKERY_OPTION_INVALID, ROOKERY_NAME_INVALID
 */
export function laneFromHeader(header: string, options: LaneFromHeaderOptions): NestInterceptor {
  const path = 'laneFromHeader';
  if (!isHeaderName(header)) throw wrong(`${path}.header`, header, "Use the name of an HTTP header, such as 'x-lane'.");
  if (typeof options !== 'object' || options === null) throw wrong(path, options, "Pass { allow: ['canary'] }.");
  checkKeys(options, { allow: true }, path);
  return new LaneInterceptor(header.toLowerCase(), checkLaneList(options.allow, `${path}.allow`));
}

interface HttpRequest {
  readonly headers?: Readonly<Record<string, unknown>>;
}

class LaneInterceptor implements NestInterceptor {
  constructor(
    private readonly header: string,
    private readonly allowed: ReadonlySet<string>,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const { headers } = context.switchToHttp().getRequest<HttpRequest>();
    const lane = readLane(headers?.[this.header], this.allowed);
    if (lane === undefined) return next.handle();
    // Nest subscribes when this has returned.
    return new Observable((subscriber) => withLane(lane, () => next.handle().subscribe(subscriber)));
  }
}

/** A token of RFC 9110, section 5.6.2. */
function isHeaderName(header: unknown): header is string {
  return typeof header === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(header);
}

function wrong(path: string, value: unknown, remedy: string): RookeryError {
  return new RookeryError('ROOKERY_OPTION_INVALID', { path, found: `found ${show(value)}.`, remedy });
}
