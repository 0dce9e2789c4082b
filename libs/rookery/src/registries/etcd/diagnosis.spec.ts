import { describe, expect, it } from 'vitest';
import { diagnose } from './diagnosis.js';

describe('what went wrong on the way to etcd', () => {
  it.each([
    ['etcdserver: permission denied', true, 'REFUSED', /readwrite/],
    ['certificate has expired', true, 'UNTRUSTED', /the dates of the certificate/],
    ['unable to get local issuer certificate', true, 'UNTRUSTED', /`tls\.ca`/],
    ['self-signed certificate in certificate chain', true, 'UNTRUSTED', /`tls\.ca`/],
    ['SSL routines:ssl3_read_bytes:tlsv13 alert certificate required', true, 'UNTRUSTED', /`tls\.cert`/],
    ['SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca', true, 'UNTRUSTED', /`tls\.cert`/],
    ['SSL routines:ssl3_get_record:wrong version number', true, 'UNREACHABLE', /etcd serves TLS/],
    ['Last error: null', true, 'UNREACHABLE', /etcd serves TLS/],
    ['read ECONNRESET', false, 'UNREACHABLE', /where etcd serves TLS/],
    ['connect ECONNREFUSED 127.0.0.1:2379', false, 'UNREACHABLE', /^$/],
    ['connect ECONNREFUSED 127.0.0.1:2379', true, 'UNREACHABLE', /^$/],
    ['Deadline exceeded', true, 'UNREACHABLE', /^$/],
  ])('%s (TLS: %s) is %s, and what to do is %s', (message, secure, code, remedy) => {
    expect(diagnose(message, { secure, answered: false })).toEqual({
      code: `ROOKERY_REGISTRY_${code}`,
      remedy: expect.stringMatching(remedy) as string,
    });
  });

  it.each([true, false])('is not what we speak, where etcd has answered before (TLS: %s)', (secure) => {
    for (const message of ['read ECONNRESET', 'socket hang up', 'Last error: null'])
      expect(diagnose(message, { secure, answered: true })).toEqual({
        code: 'ROOKERY_REGISTRY_UNREACHABLE',
        remedy: '',
      });
    expect(diagnose('certificate has expired', { secure: true, answered: true }).code).toBe(
      'ROOKERY_REGISTRY_UNTRUSTED',
    );
  });
});
