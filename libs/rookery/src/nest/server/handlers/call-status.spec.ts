import { Metadata, status } from '@grpc/grpc-js';
import { BadRequestException, HttpException, NotFoundException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { Refusal, statusOf, statusOfUnseen } from './call-status.js';

const STOCK = { status: 'error', message: 'Internal server error' };

describe('the status of what Nest gave', () => {
  it.each([
    ['an exception that no filter caught', STOCK, new NotFoundException('gone'), { code: 5, message: 'gone' }],
    ['one that says nothing', STOCK, new Error('secret'), STOCK],
    ['one that was not noted', STOCK, undefined, STOCK],
    [
      'a guard that said no',
      { status: 'error', message: 'Forbidden resource' },
      new RpcException('Forbidden resource'),
      { code: status.PERMISSION_DENIED, message: 'Forbidden resource' },
    ],
    [
      'a filter that gave a status',
      { code: 9, message: 'filtered' },
      new NotFoundException('gone'),
      { code: 9, message: 'filtered' },
    ],
    [
      "a filter that gave a status in Nest's words",
      { ...STOCK, code: 9 },
      new NotFoundException('gone'),
      { ...STOCK, code: 9 },
    ],
    ['a filter that gave the exception', new NotFoundException('gone'), undefined, { code: 5, message: 'gone' }],
    ['a filter that gave no object', 'filtered', undefined, { code: status.UNKNOWN, message: STOCK.message }],
  ])('of %s', (_, given, thrown, expected) => {
    expect(statusOf(given, thrown)).toEqual(expected);
  });
});

describe('the status of an exception', () => {
  const metadata = new Metadata();
  it.each([
    [new BadRequestException(['a is empty', 'b is empty']), { code: 3, message: 'a is empty, b is empty' }],
    [new HttpException('short and stout', 418), { code: 9, message: 'short and stout' }],
    [new HttpException({ reason: 'none' }, 404), { code: 5, message: 'Http Exception' }],
    [new RpcException('x'), { code: 2, message: 'x' }],
    [new RpcException({ code: 7, message: 'no', metadata }), { code: 7, message: 'no', metadata }],
    [new Refusal({ code: 13, message: 'nothing' }), { code: 13, message: 'nothing' }],
    [Object.assign(new Error(), { getError: () => ({ code: 5, message: 'gone' }) }), { code: 5, message: 'gone' }],
    [new Error('secret'), undefined],
    ['secret', undefined],
  ])('of %s', (exception, expected) => {
    expect(statusOfUnseen(exception)).toEqual(expected);
  });
});
