import { Controller, Get, UseInterceptors, type NestInterceptor } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { GrpcMethod, GrpcStreamMethod } from '@nestjs/microservices';
import { expect, it } from 'vitest';
import { equipHandlers } from './equip.js';
import { pullingInterceptor } from './pulling.interceptor.js';

const own: NestInterceptor = { intercept: (_, next) => next.handle() };

@Controller()
class Mixed {
  @GrpcMethod('Users', 'Get')
  get() {}
  @UseInterceptors(own)
  @GrpcMethod('t.Users', 'List')
  list() {}
  @GrpcStreamMethod('Users', 'Sum')
  sum() {}
  @GrpcMethod('Others', 'List')
  others() {}
  @Get()
  http() {}
}

class Heir extends Mixed {}

const method = (rpc: string, responseStream: boolean) => ({ path: `/t.Users/${rpc}`, responseStream });
const definition = {
  't.Users': { Get: method('Get', false), List: method('List', true), Sum: method('Sum', false) },
  't.Message': { format: 'Protocol Buffer 3 DescriptorProto' },
} as unknown as Parameters<typeof equipHandlers>[1];

it('equips the streaming gRPC handlers of a contract, once, and leaves everything else alone', () => {
  const controllers = new Map([Mixed, Heir].map((metatype) => [metatype, { metatype }]));
  const modules = new Map([['module', { controllers }]]) as unknown as ModulesContainer;
  equipHandlers(modules, definition);
  equipHandlers(modules, definition);
  const metadata = (key: string) =>
    Object.fromEntries(
      (['get', 'list', 'sum', 'others', 'http'] as const).map((name) => [
        name,
        Reflect.getMetadata(key, Mixed.prototype[name]) as unknown,
      ]),
    );
  expect(metadata('__exceptionFilters__')).toEqual({});
  expect(metadata('__interceptors__')).toEqual({ list: [own, pullingInterceptor] });
});
