import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { eventually } from '../../testing/eventually.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CallCapture } from '../../grpc/capture.js';
import { systemTime } from '../../system/time.js';
import { MuxCall } from './mux-call.js';

const capture = new CallCapture({ timeoutMs: 0, time: systemTime, registry: 'memory:' });
const FAILED = { code: status.UNAVAILABLE, details: 'its server died' };

function made(plain = vi.fn(() => ({ cancel: () => {} }))) {
  const told: (ServiceError | null | undefined)[] = [];
  const method = { path: '/s.S/Ask', serialize: () => Buffer.alloc(0), deserialize: (bytes: Buffer) => bytes, plain };
  const captured = capture.capture({}, { service: 's', path: method.path, unary: true });
  const asked = { method, captured, request: 'a', metadata: undefined, options: {} };
  const call = new MuxCall(
    { ...asked, answered: (error) => void told.push(error as ServiceError) },
    { service: 's', capture },
  );
  return { call, told, plain };
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

describe('a call that is sent again in a moment', () => {
  afterEach(() => vi.useRealTimers());

  it('holds the process until then, and goes on as what it was when it was made', async () => {
    const { call, plain } = made();
    call.bytes = Buffer.from('as it was');
    const before = timers();
    call.goPlainAfter(20, FAILED);
    expect(timers()).toBe(before + 1);
    await eventually(() => expect(plain).toHaveBeenCalledOnce());
    expect(plain).toHaveBeenCalledWith(expect.objectContaining({ bytes: call.bytes, metadata: expect.any(Metadata) }));
  });

  it('may be given up meanwhile', () => {
    vi.useFakeTimers();
    const { call, told, plain } = made();
    call.goPlainAfter(20, FAILED);
    call.cancel();
    call.cancel();
    vi.advanceTimersByTime(100);
    expect(told).toEqual([expect.objectContaining({ code: status.CANCELLED })]);
    expect(plain).not.toHaveBeenCalled();
  });

  it('is told what its server said, where its client has been closed', () => {
    vi.useFakeTimers();
    const { call, told } = made(
      vi.fn(() => {
        throw new Error('Channel has been shut down');
      }),
    );
    call.goPlainAfter(20, FAILED);
    vi.advanceTimersByTime(20);
    expect(told).toEqual([expect.objectContaining(FAILED)]);
  });
});
