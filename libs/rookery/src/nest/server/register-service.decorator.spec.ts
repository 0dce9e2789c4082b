import { describe, expect, it } from 'vitest';
import { RegisterService, registrationOf } from './register-service.decorator.js';
import { defineService } from '../service-ref.js';

const Users = defineService({ name: 'user-server', package: 'user', protoPath: 'user.proto' });
const decorate = (decorator: ClassDecorator) => {
  class Decorated {}
  decorator(Decorated);
  return registrationOf(Decorated);
};

describe('@RegisterService', () => {
  it('leaves the name to the server where it says nothing', () => {
    expect(decorate(RegisterService())).toEqual({ instance: {} });
  });

  it('takes a name, with and without what is said of the instance', () => {
    expect(decorate(RegisterService('user-server'))).toEqual({ name: 'user-server', instance: {} });
    expect(decorate(RegisterService('user-server', { weight: 50, group: 'A' }))).toEqual({
      name: 'user-server',
      instance: { weight: 50, group: 'A' },
    });
  });

  it('takes a reference, and with it the contract', () => {
    expect(decorate(RegisterService(Users, { zone: 'eu' }))).toEqual({
      name: 'user-server',
      ref: Users,
      instance: { zone: 'eu' },
    });
  });

  it('takes one object for all of it', () => {
    expect(decorate(RegisterService({ name: 'user-server', weight: 0 }))).toEqual({
      name: 'user-server',
      instance: { weight: 0 },
    });
    expect(decorate(RegisterService({ version: '2', metadata: { team: 'a' } }))).toEqual({
      instance: { version: '2', metadata: { team: 'a' } },
    });
  });

  it('is not inherited by a subclass, which may have one of its own', () => {
    @RegisterService('parent')
    class Parent {}
    class Silent extends Parent {}
    @RegisterService('child')
    class Child extends Parent {}
    expect([registrationOf(Parent)?.name, registrationOf(Silent), registrationOf(Child)?.name]).toEqual([
      'parent',
      undefined,
      'child',
    ]);
  });

  it('is refused twice on one class', () => {
    const twice = () => {
      @RegisterService('a')
      @RegisterService()
      class Twice {}
      return Twice;
    };
    expect(twice).toThrow(
      expect.objectContaining({ code: 'ROOKERY_CONTROLLER_DUPLICATE', path: '@RegisterService on Twice' }),
    );
  });

  it.each([
    ['ROOKERY_NAME_INVALID', 'Decorated, name', RegisterService('')],
    ['ROOKERY_NAME_INVALID', 'Decorated, name', RegisterService('user/server')],
    ['ROOKERY_NAME_INVALID', 'Decorated.name', RegisterService({ name: 'user server' })],
    ['ROOKERY_NAME_INVALID', 'Decorated.group', RegisterService('a', { group: '*' })],
    ['ROOKERY_WEIGHT_INVALID', 'Decorated.weight', RegisterService('a', { weight: -1 })],
    ['ROOKERY_WEIGHT_INVALID', 'Decorated.weight', RegisterService({ weight: Number.NaN })],
    ['ROOKERY_METADATA_INVALID', 'Decorated.metadata.a', RegisterService('a', { metadata: { a: 1 as never } })],
    ['ROOKERY_OPTION_INVALID', 'Decorated.zone', RegisterService('a', { zone: '' })],
    ['ROOKERY_OPTION_INVALID', 'Decorated', RegisterService(null as never)],
    ['ROOKERY_OPTION_INVALID', 'Decorated', RegisterService(7 as never)],
  ])('says %s at %s', (code, place, decorator) => {
    expect(() => decorate(decorator)).toThrow(expect.objectContaining({ code, path: `@RegisterService on ${place}` }));
  });
});
