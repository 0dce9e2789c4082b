import { describe, expect, it } from 'vitest';
import { candidatesOf, parseSearchRules, readSearchRules } from './search.js';

const POD = { domains: ['default.svc.cluster.local', 'svc.cluster.local', 'cluster.local'], ndots: 5 };

describe('search domains', () => {
  it('complete names with few dots first, and others only when they are not found', () => {
    expect(candidatesOf('_grpc._tcp.users', POD)).toEqual([
      '_grpc._tcp.users.default.svc.cluster.local',
      '_grpc._tcp.users.svc.cluster.local',
      '_grpc._tcp.users.cluster.local',
      '_grpc._tcp.users',
    ]);
    expect(candidatesOf('a.b', { domains: ['x'], ndots: 1 })).toEqual(['a.b', 'a.b.x']);
    expect(candidatesOf('a.b.', POD)).toEqual(['a.b']);
    expect(candidatesOf('a', { domains: [], ndots: 1 })).toEqual(['a']);
  });

  it('leave out what would be too long', () => {
    expect(candidatesOf('a', { domains: [`${'long.'.repeat(50)}x`, 'y'.repeat(250)], ndots: 1 })).toEqual([
      `a.${'long.'.repeat(50)}x`,
      'a',
    ]);
  });

  it.each([
    ['nameserver 10.96.0.10\nsearch default.svc.cluster.local svc.cluster.local\tcluster.local.\noptions ndots:5', POD],
    ['search a b\ndomain c # of us', { domains: ['c'], ndots: 1 }],
    ['domain c\r\nsearch a b\r\noptions rotate ndots:2 ndots:99 timeout:1', { domains: ['a', 'b'], ndots: 15 }],
    ['; search a\nsearch .\noptions ndots:x', { domains: [], ndots: 1 }],
    ['', { domains: [], ndots: 1 }],
  ])('are read as resolv.conf(5) has them: %j', (text, rules) => expect(parseSearchRules(text)).toEqual(rules));

  it('are none where there is no file', async () => {
    expect(await readSearchRules('/nowhere/resolv.conf')).toEqual({ domains: [], ndots: 1 });
  });
});
