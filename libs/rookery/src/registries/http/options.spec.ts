import { describe, expect, it } from 'vitest';
import { checkHttpOptions } from './options.js';

const check = (url: unknown, options: unknown = {}) => checkHttpOptions(url, options as object);

describe('the URL of http()', () => {
  it.each([
    ['http://h/<service>', 'http://h/a.b-c', true],
    ['https://h:8443/x?service=<service>&y=1', 'https://h:8443/x?service=a.b-c&y=1', true],
    ['http://h/x?service=', 'http://h/x?service=a.b-c', true],
    ['http://h/x?y=1&service=&z=2', 'http://h/x?y=1&service=a.b-c&z=2', true],
    ['http://h/x?service=fixed', 'http://h/x?service=fixed', false],
    ['http://h/x?myservice=', 'http://h/x?myservice=', false],
    ['http://u:p@[::1]:80/all.json#top', 'http://[::1]/all.json', false],
    ['HTTP://h', 'http://h/', false],
  ])('%s', (url, asked, ofOneService) => {
    const place = check(url);
    expect([place.urlOf('a.b-c').href, place.ofOneService]).toEqual([asked, ofOneService]);
  });

  it.each([
    ['ftp://h', 'this is no URL of http or https'],
    ['http:///x', 'this is no URL of http or https'],
    ['http://<service>.h/', 'the service cannot be a part of the host'],
    ['http://u:hunter2@h:port/', 'this is no URL'],
    ['http://u:hunter2%zz@h/', 'no percent-encoding'],
    [7, 'found 7: this is no URL'],
  ])('%s is refused', (url, fault) => {
    expect(() => check(url)).toThrow('ROOKERY_OPTION_INVALID at registry: found');
    expect(() => check(url)).toThrow(fault);
    expect(() => check(url)).not.toThrow('hunter2');
  });
});

describe('the options of http()', () => {
  it.each([
    [{ header: {} }, 'registry.header: there is no such option. Did you mean `headers`?'],
    [{ headers: ['a'] }, 'registry.headers: found an array'],
    [{ headers: { 'a b': 'hunter2' } }, 'registry.headers.a b: found "***"'],
    [{ headers: { a: 'hunter2\n' } }, 'registry.headers.a: found "***"'],
    [{ headers: { a: undefined } }, 'registry.headers.a: found undefined'],
    [{ intervalMs: 0 }, 'registry.intervalMs: found 0'],
    [{ timeoutMs: '5s' }, 'registry.timeoutMs: found "5s"'],
    [{ longPoll: 30 }, 'registry.longPoll: found 30'],
    [{ tls: {} }, 'registry.tls: found an object. Use an https:// URL'],
    [null, 'registry: found null'],
  ])('%j are refused', (options, message) => {
    expect(() => check('http://h', options)).toThrow('ROOKERY_OPTION_INVALID');
    expect(() => check('http://h', options)).toThrow(message);
    expect(() => check('http://h', options)).not.toThrow('hunter2');
  });

  it.each([
    [{ tls: null }, 'registry.tls: found null'],
    [{ tls: { ca: '/etc/ca.pem' } }, 'registry.tls.ca: found a text that is no PEM'],
    [{ tls: { cert: '-----BEGIN ' } }, 'registry.tls: found only one of cert and key'],
  ])('%j are refused over TLS', (options, message) => {
    expect(() => check('https://h', options)).toThrow(message);
  });

  it('take headers of a function, which may be wrong for once', async () => {
    let value: unknown = { A: 'b' };
    const { headers } = check('http://h', { headers: () => value });
    expect(await headers()).toEqual({ a: 'b' });
    value = { a: 'hunter2\n' };
    await expect(headers()).rejects.toThrow(
      'what the function `headers` gives cannot be sent: registry.headers.a: found "***"',
    );
  });
});
