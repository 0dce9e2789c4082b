import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { afterAll, describe, expect, it } from 'vitest';
import { ContractBook } from './contract-book.js';
import { hasMethod, mergeContracts, readContract, sameContract, type Contract } from './contract.js';
import type { ServiceRef } from './service-ref.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-contract-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const service = (name: string, rpc: string) =>
  `service ${name} { rpc ${rpc}(M) returns (M); }\nmessage M { int32 id = 1; }\n`;
const USER = file('user.proto', `syntax = "proto3"; package user;\n${service('UserService', 'GetById')}`);
const DEEP = file('deep.proto', `syntax = "proto3"; package shop.v1;\n${service('OrderService', 'Place')}`);
const BARE = file('bare.proto', `syntax = "proto3";\n${service('Bare', 'Ask')}`);
const BROKEN = file('broken.proto', 'syntax = "proto3"; service {');

const read = (source: Omit<ServiceRef, 'name'>): Contract => readContract(source, 'place')!;

const method = (path: string, extra: Partial<ServiceDefinition[string]> = {}) =>
  ({
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    ...extra,
  }) as unknown as ServiceDefinition[string];

describe('readContract', () => {
  it('reads a .proto file', () => {
    const contract = read({ package: 'user', protoPath: USER });
    expect(contract).toMatchObject({ packages: ['user'], servicePackages: ['user'], serviceNames: ['UserService'] });
    expect(Object.keys(contract.definition['user.UserService'] as object)).toEqual(['GetById']);
  });

  it('takes definitions, whose keys may be in camel case', () => {
    const contract = read({ services: { UserService: { getById: method('/user.UserService/GetById') } } });
    expect(contract).toMatchObject({ packages: ['user'], serviceNames: ['UserService'] });
    expect(contract.definition['user.UserService']).toMatchObject({
      GetById: { path: '/user.UserService/GetById', originalName: 'getById' },
    });
  });

  it('knows the packages of services that are nested in the one that is named', () => {
    expect(read({ package: 'shop', protoPath: DEEP })).toMatchObject({
      packages: ['shop'],
      servicePackages: ['shop.v1'],
      serviceNames: ['OrderService'],
    });
    expect(read({ package: ['shop.v1', 'user'], protoPath: [DEEP, USER] }).serviceNames).toEqual([
      'OrderService',
      'UserService',
    ]);
  });

  it('takes a service without a package', () => {
    expect(read({ package: '', protoPath: BARE })).toMatchObject({ packages: [''], serviceNames: ['Bare'] });
    expect(read({ services: { Bare: { ask: method('/Bare/Ask') } } })).toMatchObject({
      packages: [''],
      serviceNames: ['Bare'],
    });
  });

  it('reads a reference once', () => {
    const ref = { package: 'user', protoPath: USER };
    expect(read(ref)).toBe(read(ref));
  });

  it('finds files in the folders of the loader', () => {
    expect(read({ package: 'user', protoPath: 'user.proto', loader: { includeDirs: [folder] } }).serviceNames).toEqual([
      'UserService',
    ]);
  });

  it('has nothing to read in a mere name', () => {
    expect(readContract({}, 'place')).toBeUndefined();
  });

  it.each([
    [
      'ROOKERY_PROTO_UNREADABLE',
      'place.protoPath',
      { package: 'user', protoPath: join(folder, 'none.proto') },
      /none\.proto does not exist\. Check the path, and .*assets/,
    ],
    [
      'ROOKERY_PROTO_UNREADABLE',
      'place.protoPath',
      { package: 'user', protoPath: [USER, BROKEN] },
      /broken\.proto.*line 1.* Correct the \.proto file/,
    ],
    ['ROOKERY_PROTO_UNREADABLE', 'place.protoPath', { package: 'user', protoPath: folder }, /Correct the \.proto file/],
    [
      'ROOKERY_CONTRACT_INVALID',
      'place.package',
      { package: 'users', protoPath: USER },
      /services there: user\.UserService\. Use the name behind `package`/,
    ],
    [
      'ROOKERY_CONTRACT_INVALID',
      'place.package',
      { package: ['user', 'use'], protoPath: USER },
      /package "use" has no service/,
    ],
  ])('says %s at %s', (code, path, source, message) => {
    expect(() => read(source)).toThrow(
      expect.objectContaining({ code, path, message: expect.stringMatching(message) }),
    );
  });
});

describe('contracts', () => {
  const user = read({ package: 'user', protoPath: USER });

  it('are the same where their methods are, whatever they were read from', () => {
    const generated = read({ services: { Any: { getById: method('/user.UserService/GetById') } } });
    expect(sameContract(user, generated)).toBe(true);
    expect(sameContract(user, read({ package: 'user', protoPath: [DEEP, USER] }))).toBe(true);
    expect(
      sameContract(read({ package: 'shop', protoPath: DEEP }), read({ package: 'shop.v1', protoPath: DEEP })),
    ).toBe(true);
  });

  it.each([
    ['another method', method('/user.UserService/GetByName')],
    ['a stream', method('/user.UserService/GetById', { responseStream: true })],
    ['another package', method('/users.UserService/GetById')],
  ])('differ by %s', (_, definition) => {
    expect(sameContract(user, read({ services: { UserService: { getById: definition } } }))).toBe(false);
  });

  it('merge into one, each package once', () => {
    const merged = mergeContracts([user, read({ package: 'shop', protoPath: DEEP }), user]);
    expect(merged).toMatchObject({ packages: ['user', 'shop'], serviceNames: ['UserService', 'OrderService'] });
    expect(hasMethod(merged, { service: 'OrderService', rpc: 'Place' })).toBe(false);
    expect(hasMethod(merged, { service: 'v1.OrderService', rpc: 'Place' })).toBe(true);
    expect(hasMethod(merged, { service: 'shop.v1.OrderService', rpc: 'place' })).toBe(true);
    expect(hasMethod(merged, { service: 'UserService', rpc: 'GetById' })).toBe(true);
    expect(hasMethod(merged, { service: 'UserService', rpc: 'List' })).toBe(false);
    expect(hasMethod(merged, { service: 'M', rpc: 'format' })).toBe(false);
  });

  it('may not differ for one service of an application', () => {
    const book = new ContractBook();
    const other = read({ package: 'shop', protoPath: DEEP });
    expect(book.add('users', user, 'server of users')).toBe(user);
    expect(book.add('orders', other, 'server of orders')).toBe(other);
    expect(book.add('users', undefined, 'anywhere')).toBeUndefined();
    expect(() => book.add('users', other, 'forFeature("users")')).toThrow(
      expect.objectContaining({
        code: 'ROOKERY_CONTRACT_CONFLICT',
        message: expect.stringContaining(
          'at forFeature("users"): "users" has another contract in server of users. Define the service once',
        ),
      }),
    );
  });
});
