import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { seeded } from '../../../../test/support/seeded.js';
import { eventually } from '../testing/eventually.js';
import { fakeTime } from '../testing/fake-time.js';
import { FrameError, GOAWAY, NAME, RESPONSE } from './frames.js';
import {
  allocatedBy,
  brokenSections,
  clientFrame,
  FakeDuplex,
  fakeServer,
  messages,
  serverFrame,
} from './fuzz.stage.js';
import { decodeMetadata, encodeMetadata } from './metadata-section.js';
import { batchOf, closeAll, rawClient, scriptedServer, shown } from './mux.stage.js';
import { MuxServer } from './server/mux-server.js';
import { MuxSession } from './server/mux-session.js';

const { seed } = seeded();
console.log(`seed ${seed}`);
const TIMEOUT_MS = 120_000;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const names = batchOf({ type: NAME, code: 1, body: '/s.S/Echo' }, { type: NAME, code: 2, body: '/s.S/Hold' });

afterEach(closeAll);

describe('any bytes', () => {
  it('are metadata or a FrameError: 50 000 sections', { timeout: TIMEOUT_MS }, () => {
    const seen = { fine: 0, refused: 0 };
    const property = fc.property(brokenSections, (section) => {
      try {
        decodeMetadata(section);
        seen.fine += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(FrameError);
        seen.refused += 1;
      }
    });
    fc.assert(property, { seed, numRuns: 50_000 });
    expect(Math.min(seen.fine, seen.refused)).toBeGreaterThan(5000);
  });

  it('that metadata may hold come out as they went in', () => {
    const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    // Without what gRPC has to itself, and what Node does not send.
    const key = fc.stringMatching(/^x[0-9a-z_.-]{1,20}$/);
    const unpadded = text.map((value) => value.trim());
    const entry = fc.tuple(key, unpadded, fc.uint8Array({ maxLength: 40 }));
    const property = fc.property(fc.array(entry, { minLength: 1, maxLength: 5 }), (entries) => {
      const metadata = new Metadata();
      for (const [name, value, array] of entries)
        metadata.add(name, name.endsWith('-bin') ? Buffer.from(array) : value);
      const joined = Object.entries(metadata.toJSON()).map(([name, values]) => [
        name,
        name.endsWith('-bin') ? values : [values.join(', ')],
      ]);
      expect(decodeMetadata(encodeMetadata(metadata)!).toJSON()).toEqual(Object.fromEntries(joined));
    });
    fc.assert(property, { seed, numRuns: 5000 });
  });
});

/** What came out of a session that was fed these messages; its handlers answer Hold at the end. */
async function served(batches: readonly Buffer[]) {
  const time = fakeTime();
  const running: (() => void)[] = [];
  const metadata = (_: string, given: unknown) => given as Metadata;
  const mux = new MuxServer({ time, maxConcurrent: 8, maxRequestBytes: 64, maxSendBytes: -1, metadata, text: String });
  const method = { deserialize: (bytes: Buffer) => bytes, serialize: (value: unknown) => value as Buffer };
  mux.add({ path: '/s.S/Echo', ...method, handle: (call, done) => done(null, call.request) });
  mux.add({ path: '/s.S/Hold', ...method, handle: (call, done) => void running.push(() => done(null, call.request)) });
  const fake = new FakeDuplex();
  const session = new MuxSession(fake.stream, mux);
  let over = 0;
  session.onEnd = () => (over += 1);
  const allocated = allocatedBy(() => {
    for (const batch of [names, ...batches]) fake.emit('data', batch);
  });
  time.advance(100);
  for (const answer of running.splice(0)) answer();
  await turn();
  const broken = fake.errors.length > 0;
  if (!broken) fake.emit('end');
  await turn();
  return { fake, over, allocated, broken, timers: time.timers, answers: fake.written.flatMap(shown) };
}

describe('the server of a stream of calls', () => {
  it('takes whatever comes, or ends with INTERNAL: 50 000 streams', { timeout: TIMEOUT_MS }, async () => {
    const seen = { fine: 0, broken: 0 };
    const property = fc.asyncProperty(fc.array(messages(clientFrame), { maxLength: 3 }), async (batches) => {
      const { fake, over, allocated, broken, timers, answers } = await served(batches);
      const size = batches.reduce((sum, { length }) => sum + length, 0);
      // Its writer begins with 2 KiB; a refusal has a text of a hundred bytes at most, for a frame of twelve.
      expect(allocated).toBeLessThan(8192 + 64 * size);
      expect([over, timers]).toEqual([1, 0]);
      expect(answers.every((frame) => /^(SETTINGS|RESPONSE\+?\d? \d+ #[0-7]( |$))/.test(frame))).toBe(true);
      if (broken) {
        expect(fake.errors).toEqual([
          { code: status.INTERNAL, details: expect.stringMatching(/^mux: the client broke the protocol: \w/) },
        ]);
        seen.broken += 1;
      } else {
        expect(fake.ended).toBe(true);
        seen.fine += 1;
      }
    });
    await fc.assert(property, { seed, numRuns: 50_000 });
    expect(Math.min(seen.fine, seen.broken)).toBeGreaterThan(5000);
  });

  it('answers each call of a client of good will once: 5 000 streams', { timeout: TIMEOUT_MS }, async () => {
    const step = fc.tuple(fc.boolean(), fc.nat(7), fc.nat(3));
    const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const held = new Set<number>();
      let asked = 0;
      const batches = steps.map(([hold, id, cut]) => {
        if (held.has(id)) return cut > 1 && held.delete(id) ? batchOf({ type: 4, id }) : batchOf();
        if (hold) held.add(id);
        asked += 1;
        return batchOf({ type: 3, code: hold ? 2 : 1, id, body: String(asked) });
      });
      const { broken, answers } = await served([Buffer.concat(batches)]);
      expect([broken, answers.length]).toEqual([false, 1 + asked]);
    });
    await fc.assert(property, { seed, numRuns: 5000 });
  });

  it('does so over real connections: 1 500 streams', { timeout: TIMEOUT_MS }, async () => {
    const { stream: first, mux, client } = await rawClient();
    first.end();
    const method = {
      path: '/s.S/Hold',
      deserialize: String,
      serialize: (value: unknown) => Buffer.from(value as string),
    };
    mux.add({ ...method, handle: (call, done) => void setImmediate(done, null, call.request) });
    const property = fc.asyncProperty(fc.array(messages(clientFrame), { maxLength: 3 }), async (batches) => {
      const stream = client();
      stream.on('data', () => {});
      stream.on('error', () => {});
      const ended = new Promise<StatusObject>((resolve) => stream.on('status', resolve));
      for (const batch of [names, ...batches]) stream.write(batch);
      stream.end();
      const { code, details } = await ended;
      if (code !== status.OK) expect(details).toMatch(/^mux: the client broke the protocol: \w/);
    });
    await fc.assert(property, { seed, numRuns: 1500 });
  });
});

const step = fc.oneof(
  { weight: 4, arbitrary: messages(serverFrame).map((batch) => ({ batch })) },
  { weight: 3, arbitrary: fc.nat(3).map((count) => ({ count })) },
  { weight: 1, arbitrary: fc.nat(20).map((cancelled) => ({ cancelled })) },
  { weight: 1, arbitrary: fc.nat(60).map((ms) => ({ ms })) },
);

describe('the client of a stream of calls', () => {
  it('tells every call once, whatever comes: 50 000 streams', { timeout: TIMEOUT_MS }, async () => {
    const seen = { fine: 0, broken: 0 };
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const stage = fakeServer();
      const calls = [0, 1, 2, 3].map((i) => stage.call(`c${i}`, { timeoutMs: i < 2 ? 50 : undefined }));
      let size = 0;
      const play = () => {
        for (const next of steps) {
          if ('batch' in next) stage.listener.onMessage(next.batch);
          else if ('ms' in next) stage.time.advance(next.ms);
          else if ('count' in next) for (let i = 0; i < next.count; i += 1) calls.push(stage.call('more'));
          else calls[next.cancelled % calls.length]!.call.cancel();
          if ('batch' in next) size += next.batch.length;
        }
      };
      expect(allocatedBy(play)).toBeLessThan(8192 + 64 * size);
      await turn();
      const { cancelled, errors } = stage.seen;
      if (cancelled.length > 0) {
        expect(cancelled).toEqual([expect.stringMatching(/^mux: the server broke the protocol: \w/)]);
        expect(errors).toEqual([{ code: status.INTERNAL, details: cancelled[0] }]);
        seen.broken += 1;
      } else seen.fine += 1;
      stage.listener.onEnd({ code: status.UNAVAILABLE, details: 'gone', metadata: new Metadata(), refused: false });
      expect(calls.filter(({ sent, told }) => told.length !== (sent ? 1 : 0))).toEqual([]);
      expect([errors.length, stage.time.timers]).toEqual([1, 0]);
    });
    await fc.assert(property, { seed, numRuns: 50_000 });
    expect(Math.min(seen.fine, seen.broken)).toBeGreaterThan(5000);
  });

  it(
    'gives each call its own answer, given up and late ones among them: 5 000 streams',
    { timeout: TIMEOUT_MS },
    async () => {
      const moves = fc.array(fc.tuple(fc.nat(3), fc.nat(20), fc.nat(70)), { maxLength: 40 });
      const property = fc.asyncProperty(moves, async (steps) => {
        const stage = fakeServer();
        const asked = new Map<number, ReturnType<typeof stage.call>>();
        const calls: ReturnType<typeof stage.call>[] = [];
        for (const [move, which, ms] of steps) {
          if (move < 2) {
            const call = stage.call(`c${calls.length}`, { timeoutMs: move === 0 ? 30 + which : undefined });
            if (!call.sent) continue;
            expect(asked.has(call.call.slot)).toBe(false);
            asked.set(call.call.slot, call);
            calls.push(call);
          } else if (move === 2 && asked.size > 0) {
            const [slot, { call }] = [...asked][which % asked.size]!;
            asked.delete(slot);
            stage.listener.onMessage(batchOf({ type: RESPONSE, id: slot, body: `c${call.sequence}` }));
          } else if (which % 2 === 0) stage.time.advance(ms);
          else calls[which % (calls.length || 1)]?.call.cancel();
        }
        for (const [slot, { call }] of asked)
          stage.listener.onMessage(batchOf({ type: RESPONSE, id: slot, body: `c${call.sequence}` }));
        for (const [i, { told }] of calls.entries())
          expect(told).toEqual([expect.stringMatching(`^(c${i}|CANCELLED: .*|DEADLINE_EXCEEDED: .*)$`)]);
      });
      await fc.assert(property, { seed, numRuns: 5000 });
    },
  );

  it('does so over real connections: 1 000 streams', { timeout: TIMEOUT_MS }, async () => {
    const stage = await scriptedServer();
    await eventually(() => expect(stage.streams).toHaveLength(1));
    const property = fc.asyncProperty(messages(serverFrame), async (batch) => {
      const { calls, ended } = stage.another(['a', 'b', 'c'], (stream) => {
        stream.write(batch);
        stream.write(batchOf({ type: GOAWAY, code: 1, id: 0 }));
        stream.end();
      });
      await ended;
      expect(calls.filter(({ told }) => told.length !== 1)).toEqual([]);
    });
    await fc.assert(property, { seed, numRuns: 1000 });
  });
});
