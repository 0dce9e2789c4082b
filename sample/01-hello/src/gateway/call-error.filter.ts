import { status } from '@grpc/grpc-js';
import { Catch, HttpException, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { isCallError } from 'rookery';

/** What a caller of the gateway may hear of; everything else is a 500. */
const HTTP: Readonly<Partial<Record<status, number>>> = {
  [status.INVALID_ARGUMENT]: 400,
  [status.UNAUTHENTICATED]: 401,
  [status.PERMISSION_DENIED]: 403,
  [status.NOT_FOUND]: 404,
  [status.ALREADY_EXISTS]: 409,
  [status.FAILED_PRECONDITION]: 412,
  [status.RESOURCE_EXHAUSTED]: 429,
  [status.UNAVAILABLE]: 503,
  [status.DEADLINE_EXCEEDED]: 504,
};

/** Answers a request whose gRPC call failed with the HTTP status that says the same; without it, all of them are 500. */
@Catch()
export class CallErrorFilter extends BaseExceptionFilter {
  override catch(error: unknown, host: ArgumentsHost): void {
    super.catch(isCallError(error) ? httpError(error.code, error.details) : error, host);
  }
}

/** The text of a fault of ours is for the log, not for whoever calls the gateway. */
function httpError(code: status, details: string): HttpException {
  const http = HTTP[code] ?? 500;
  return new HttpException(http < 500 ? details : (status[code] ?? 'UNKNOWN'), http);
}
