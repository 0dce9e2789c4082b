import { status } from '@grpc/grpc-js';

/**
 * The gRPC status of an HTTP one: the mapping in google/rpc/code.proto, read backwards, and completed by HTTP's classes.
 * Where it is ambiguous: 400 is INVALID_ARGUMENT, since OUT_OF_RANGE and FAILED_PRECONDITION say more than a 400 does;
 * 409 is ALREADY_EXISTS, since ABORTED tells clients to try again; 500 is INTERNAL.
 */
const STATUS_OF_HTTP: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  408: status.DEADLINE_EXCEEDED,
  409: status.ALREADY_EXISTS,
  412: status.FAILED_PRECONDITION,
  413: status.RESOURCE_EXHAUSTED,
  422: status.INVALID_ARGUMENT,
  429: status.RESOURCE_EXHAUSTED,
  499: status.CANCELLED,
  501: status.UNIMPLEMENTED,
  502: status.UNAVAILABLE,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

/** Other 4xx are FAILED_PRECONDITION, other 5xx INTERNAL, anything else UNKNOWN. */
export function statusOfHttp(http: number): status {
  const known = STATUS_OF_HTTP[http];
  if (known !== undefined) return known;
  if (http >= 400 && http < 500) return status.FAILED_PRECONDITION;
  return http >= 500 && http < 600 ? status.INTERNAL : status.UNKNOWN;
}
