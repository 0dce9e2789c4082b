import { describe, expect, it } from 'vitest';
import { memory } from '../../registries/memory.js';
import { listenPlace } from './listen-place.js';

const near = memory();
const far = { ...near, capabilities: { ...near.capabilities, reach: 'network' as const } } as typeof near;

describe('where a server listens', () => {
  it.each(['127.0.0.1:0', '0.0.0.0:50051', '[::]:0', 'localhost:1', 'unix:/run/a.sock'])(
    'is %s, as it is said',
    (url) => {
      expect(listenPlace(url, 'other:1', near)).toEqual({ url, urlFrom: 'rookeryGrpc.url' });
      expect(listenPlace(undefined, url, near)).toEqual({ url, urlFrom: 'env ROOKERY_BIND' });
    },
  );

  it('is a free port where nobody says it: of this machine, where nobody else reads the registry', () => {
    expect(listenPlace(undefined, undefined, near).url).toBe('127.0.0.1:0');
    expect(listenPlace(undefined, undefined, far).url).toBe('0.0.0.0:0');
  });

  // Of these, grpc-js makes port 443 of a host that is cut short, an IPv4 address, or a text about something else.
  it.each([
    'localhost',
    '0.0.0.0',
    '15000',
    ':15000',
    'http://127.0.0.1:5000',
    '127.0.0.1:99999',
    '::1',
    ':::0',
    '',
    15000,
  ])('is refused as %o, naming who says it', (url) => {
    const refusal = (path: string) =>
      expect.objectContaining({
        code: 'ROOKERY_ADDRESS_INVALID',
        message: `ROOKERY_ADDRESS_INVALID at ${path}: found ${JSON.stringify(url)}. Use host:port (port 0 takes a free one, 0.0.0.0 every interface), [v6]:port or unix:path.`,
      }) as Error;
    expect(() => listenPlace(url, undefined, near)).toThrow(refusal('rookeryGrpc.url'));
    expect(() => listenPlace(undefined, url as string, near)).toThrow(refusal('env ROOKERY_BIND'));
  });
});
