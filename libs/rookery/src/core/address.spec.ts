import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from './address.js';

describe('parseAddress', () => {
  it.each([
    ['localhost:1', { host: 'localhost', port: 1 }],
    ['10.0.0.1:65535', { host: '10.0.0.1', port: 65535 }],
    ['[::1]:50051', { host: '::1', port: 50051 }],
    ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
    ['unix:/run/x.sock', { path: '/run/x.sock' }],
  ])('%s', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
  });

  it.each([
    '',
    'h',
    'h:',
    ':1',
    'h:0',
    'h:65536',
    'h:-1',
    'h:1.5',
    'h:a',
    '::1',
    '::1:50051',
    '[::1]',
    '[]:1',
    'h h:1',
    'h/x:1',
    'unix:',
    'http://h:1',
    'h:1\n',
    `${'h'.repeat(1024)}:1`,
    5,
    null,
    undefined,
  ])('refuses %j', (text) => {
    expect(() => parseAddress(text, 'option.advertise')).toThrow('ROOKERY_ADDRESS_INVALID at option.advertise: found');
  });

  it('reads what formatAddress wrote', () => {
    for (const [host, port] of [
      ['h', 1],
      ['::1', 2],
    ] as const)
      expect(parseAddress(formatAddress(host, port))).toEqual({ host, port });
  });
});
