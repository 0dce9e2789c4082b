import { status } from '@grpc/grpc-js';
import { HttpStatus } from '@nestjs/common';
import { expect, it } from 'vitest';
import { statusOfHttp } from './http-status.js';

it.each([
  [HttpStatus.BAD_REQUEST, status.INVALID_ARGUMENT],
  [HttpStatus.UNAUTHORIZED, status.UNAUTHENTICATED],
  [HttpStatus.FORBIDDEN, status.PERMISSION_DENIED],
  [HttpStatus.NOT_FOUND, status.NOT_FOUND],
  [HttpStatus.REQUEST_TIMEOUT, status.DEADLINE_EXCEEDED],
  [HttpStatus.CONFLICT, status.ALREADY_EXISTS],
  [HttpStatus.GONE, status.FAILED_PRECONDITION],
  [HttpStatus.PRECONDITION_FAILED, status.FAILED_PRECONDITION],
  [HttpStatus.PAYLOAD_TOO_LARGE, status.RESOURCE_EXHAUSTED],
  [HttpStatus.UNPROCESSABLE_ENTITY, status.INVALID_ARGUMENT],
  [HttpStatus.TOO_MANY_REQUESTS, status.RESOURCE_EXHAUSTED],
  [499, status.CANCELLED],
  [HttpStatus.INTERNAL_SERVER_ERROR, status.INTERNAL],
  [HttpStatus.NOT_IMPLEMENTED, status.UNIMPLEMENTED],
  [HttpStatus.BAD_GATEWAY, status.UNAVAILABLE],
  [HttpStatus.SERVICE_UNAVAILABLE, status.UNAVAILABLE],
  [HttpStatus.GATEWAY_TIMEOUT, status.DEADLINE_EXCEEDED],
  [599, status.INTERNAL],
  [HttpStatus.OK, status.UNKNOWN],
  [Number.NaN, status.UNKNOWN],
])('HTTP %i is gRPC %i', (http, grpc) => {
  expect(statusOfHttp(http)).toBe(grpc);
});
