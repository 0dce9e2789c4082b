import { EventEmitter } from 'node:events';
import { Channel, credentials, Metadata, type CallProperties } from '@grpc/grpc-js';
import { afterAll, describe, expect, it } from 'vitest';
import { systemTime } from '../system/time.js';
import { CallCapture } from './capture.js';
import { capturing } from './capturing.js';
import { detached, inContext } from './request-context.js';

describe('the time that a call has', () => {
  const channel = new Channel('dns:localhost:1', credentials.createInsecure(), {});
  afterAll(() => channel.close());

  const deadlineOf = (callOptions: object) => {
    const properties = {
      argument: {},
      metadata: new Metadata(),
      call: new EventEmitter(),
      channel,
      methodDefinition: { path: '/a/B', requestStream: false, responseStream: false },
      callOptions,
      callback: () => {},
    };
    const captured = capturing(new CallCapture({ timeoutMs: 5000, time: systemTime }))(properties as never);
    return (captured as CallProperties<unknown, unknown>).callOptions.deadline;
  };

  it('is its timeout, else the default of the client', () => {
    const now = Date.now();
    expect(Number(deadlineOf({ timeoutMs: 60_000 })) - now).toBeGreaterThan(50_000);
    expect(Number(deadlineOf({})) - now).toBeLessThanOrEqual(5000 + (Date.now() - now));
    expect(deadlineOf({ deadline: now + 77 })).toBe(now + 77);
  });

  it.each([{ timeoutMs: 0 }, { timeoutMs: Infinity }, { timeoutMs: Number.MAX_SAFE_INTEGER }, { deadline: Infinity }])(
    'is endless where it says so, or is longer than a timer can be: %o',
    (options) => {
      const deadline = deadlineOf(options);
      expect(deadline === undefined || deadline === Infinity).toBe(true);
    },
  );

  it.each([{}, { timeoutMs: 0 }, { timeoutMs: 60_000 }, { deadline: Infinity }, { deadline: Date.now() + 60_000 }])(
    'is no longer than that of the call for which it is made: %o',
    (options) => {
      const incoming = Date.now() + 1000;
      inContext({ deadline: incoming }, () => {
        expect(deadlineOf(options)).toBe(incoming);
        expect(detached(() => deadlineOf(options))).not.toBe(incoming);
      });
      expect(deadlineOf(options)).not.toBe(incoming);
    },
  );

  it('is its own, where that ends before the call for which it is made', () => {
    const own = Date.now() + 1000;
    inContext({ deadline: own + 60_000 }, () => {
      expect(deadlineOf({ deadline: own })).toBe(own);
      expect(deadlineOf({ timeoutMs: 1000 })).toBeLessThan(own + 50_000);
      expect(deadlineOf({})).toBeLessThan(own + 50_000);
    });
  });

  it.each([
    [{ timeoutMs: -1 }, 'call of dns:localhost:1 (a/B), options.timeoutMs'],
    [{ timeoutMs: NaN }, 'call of dns:localhost:1 (a/B), options.timeoutMs'],
    [{ timeoutMs: '5' }, 'call of dns:localhost:1 (a/B), options.timeoutMs'],
    [{ deadline: NaN }, 'call of dns:localhost:1 (a/B), options.deadline'],
    [{ deadline: new Date(NaN) }, 'call of dns:localhost:1 (a/B), options.deadline'],
  ])('is refused where it is none: %o', (options, path) => {
    expect(() => deadlineOf(options)).toThrow(expect.objectContaining({ code: 'ROOKERY_OPTION_INVALID', path }));
  });
});
