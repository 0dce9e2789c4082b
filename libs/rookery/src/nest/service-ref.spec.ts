import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PEER_SERVICE } from '../grpc/peer.js';
import { defineService, nameOf } from './service-ref.js';

const failing = (options: object): unknown => {
  try {
    return defineService(options as Parameters<typeof defineService>[0]);
  } catch (error) {
    return error;
  }
};

describe('defineService', () => {
  it('keeps definitions, and is frozen', () => {
    const ref = defineService({ name: 'peer', services: { Peer: PEER_SERVICE } });
    expect(ref).toEqual({ name: 'peer', services: { Peer: PEER_SERVICE } });
    expect(Object.isFrozen(ref)).toBe(true);
  });

  it('takes a .proto file as a path, a URL or several of them', () => {
    const url = pathToFileURL('/a/b.proto');
    expect(defineService({ name: 'a', package: 'p', protoPath: url }).protoPath).toBe('/a/b.proto');
    expect(defineService({ name: 'a', package: ['p', 'q'], protoPath: [url, 'c.proto'] })).toMatchObject({
      package: ['p', 'q'],
      protoPath: ['/a/b.proto', 'c.proto'],
    });
  });

  it('keeps options for the loader', () => {
    expect(defineService({ name: 'a', package: 'p', protoPath: 'p.proto', loader: { keepCase: true } }).loader).toEqual(
      { keepCase: true },
    );
  });

  it.each([
    ['ROOKERY_NAME_INVALID', 'defineService("").name', { name: '', services: {} }],
    ['ROOKERY_NAME_INVALID', 'defineService("a/b").name', { name: 'a/b', services: {} }],
    ['ROOKERY_NAME_INVALID', 'defineService(undefined).name', { services: {} }],
    ['ROOKERY_CONTRACT_MISSING', 'defineService("a")', { name: 'a' }],
    ['ROOKERY_CONTRACT_MISSING', 'defineService("a")', { name: 'a', package: 'p' }],
    ['ROOKERY_CONTRACT_MISSING', 'defineService("a")', { name: 'a', protoPath: 'p.proto' }],
    ['ROOKERY_CONTRACT_INVALID', 'defineService("a").services', { name: 'a', services: {} }],
    ['ROOKERY_CONTRACT_INVALID', 'defineService("a").services.S', { name: 'a', services: { S: undefined } }],
    ['ROOKERY_CONTRACT_INVALID', 'defineService("a").services.S', { name: 'a', services: { S: class {} } }],
    [
      'ROOKERY_CONTRACT_INVALID',
      'defineService("a").services.S',
      { name: 'a', services: { S: { get: { path: '/x/y' } } } },
    ],
  ])('says %s at %s', (code, path, options) => {
    expect(failing(options)).toMatchObject({ code, path });
  });

  it('names a service however it is given', () => {
    expect([nameOf('a'), nameOf(defineService({ name: 'b', services: { Peer: PEER_SERVICE } }))]).toEqual(['a', 'b']);
  });
});
