import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../testing/eventually.js';
import { GOAWAY, NAME, RESPONSE, SETTINGS } from '../frames.js';
import { encodeMetadata } from '../metadata-section.js';
import { batchOf, closeAll, scriptedServer, u32, type Frame, type StagedCall } from '../mux.stage.js';

type Stage = Awaited<ReturnType<typeof scriptedServer>>;
const answer = (id: number, body: string | Buffer = 'hi', code = 0, flags = 0): Frame => ({
  type: RESPONSE,
  code,
  id,
  body,
  flags,
});
/** Frames that the server has seen since the SETTINGS. */
const saw = ({ got }: Stage, ...frames: readonly string[]) => eventually(() => expect(got.slice(1)).toEqual(frames));
const told = (calls: readonly StagedCall[], ...texts: readonly string[]) =>
  eventually(() => expect(calls.map((call) => call.told.join('; '))).toEqual(texts));
const seen = (stage: Stage, frame: string) => eventually(() => expect(stage.got).toContain(frame));

afterEach(closeAll);

describe('the client of a stream of calls', () => {
  it('says what it takes, then names before their first use, once each', async () => {
    const stage = await scriptedServer();
    stage.call('a');
    stage.call('b', { path: '/s.S/Other' });
    stage.call('c');
    await eventually(() => expect(stage.got).toHaveLength(6));
    expect(stage.got).toEqual([
      'SETTINGS 0 #0',
      'NAME 1 #0 /s.S/Echo',
      'REQUEST 1 #0 a',
      'NAME 2 #0 /s.S/Other',
      'REQUEST 2 #1 b',
      'REQUEST 1 #2 c',
    ]);
  });

  it('gives each call its answer, in whatever order they come, and uses free slots again', async () => {
    const stage = await scriptedServer();
    const calls = ['a', 'b', 'c'].map((text) => stage.call(text));
    await seen(stage, 'REQUEST 1 #2 c');
    stage.say({ type: SETTINGS }, answer(2, 'C'), answer(0, 'A'));
    await told(calls, 'A', '', 'C');
    const more = ['d', 'e', 'f'].map((text) => stage.call(text));
    await seen(stage, 'REQUEST 1 #3 f');
    stage.say(answer(0, 'D'), answer(2, 'E'), answer(3, 'F'), answer(1, 'B'));
    await told([...calls, ...more], 'A', 'B', 'C', 'D', 'E', 'F');
    expect(stage.outcomes.map(({ code, processed }) => [code, processed])).toEqual(Array(6).fill([0, true]));
  });

  it('takes no more calls than the server does', async () => {
    const stage = await scriptedServer({ maxConcurrent: 2 });
    expect(['a', 'b', 'c'].map((text) => stage.call(text).sent)).toEqual([true, true, false]);
    await seen(stage, 'REQUEST 1 #1 b');
    stage.say(answer(0));
    await eventually(() => expect(stage.call('d').sent).toBe(true));
    expect(stage.call('e').sent).toBe(false);
  });

  it('keeps its slots where it has no name left for a method', async () => {
    const stage = await scriptedServer({ maxConcurrent: 5000 });
    const calls = Array.from({ length: 4096 }, (_, i) => stage.call('', { path: `/s.S/${i}` }));
    await seen(stage, 'REQUEST 4096 #4095');
    stage.say(...calls.map((_, id) => answer(id)));
    await eventually(() => expect(calls.every((call) => call.told.length === 1)).toBe(true));
    for (let i = 0; i < 5000; i += 1) expect(stage.call('', { path: '/s.S/more' }).sent).toBe(false);
    const again = stage.call('', { path: '/s.S/7' });
    expect([again.sent, again.call.slot < 4096]).toEqual([true, true]);
  });

  it('leaves a method alone whose name is too long', async () => {
    const stage = await scriptedServer();
    expect(stage.call('', { path: `/s.S/${'x'.repeat(1024)}` }).sent).toBe(false);
    stage.call('a');
    await saw(stage, 'NAME 1 #0 /s.S/Echo', 'REQUEST 1 #0 a');
  });

  it('sends the time that a call has, and metadata before the message', async () => {
    const stage = await scriptedServer();
    const metadata = new Metadata();
    metadata.set('a', '1');
    const section = encodeMetadata(metadata)!;
    stage.call('q', { timeoutMs: 260.5, metadata: section });
    stage.call('', { timeoutMs: 2 ** 31 - 1 });
    const body = Buffer.concat([u32(261), u32(section.length), section, Buffer.from('q')]).toString('latin1');
    const longest = Buffer.from('ffffff3f', 'hex').toString('latin1');
    await saw(stage, 'NAME 1 #0 /s.S/Echo', `REQUEST+3 1 #0 ${body}`, `REQUEST+1 1 #1 ${longest}`);
  });

  it('tells a failure with its status, text and trailers', async () => {
    const stage = await scriptedServer();
    const call = stage.call('a');
    const trailers = new Metadata();
    trailers.set('grpc-status-details-bin', Buffer.of(1, 0, 255));
    const section = encodeMetadata(trailers)!;
    await seen(stage, 'REQUEST 1 #0 a');
    const both = Buffer.concat([u32(2), Buffer.of(0, 0), u32(section.length), section, Buffer.from('no Jürgen')]);
    stage.say(answer(0, both, status.NOT_FOUND, 3));
    await told([call], 'NOT_FOUND: no Jürgen');
    expect(call.error()!.metadata.toJSON()).toEqual(trailers.toJSON());
  });

  it('puts an answer together that comes in parts, between those of others', async () => {
    const stage = await scriptedServer({ maxResponseBytes: 10 });
    const calls = ['a', 'b'].map((text) => stage.call(text));
    await seen(stage, 'REQUEST 1 #1 b');
    stage.say(answer(0, '123', 0, 4), answer(1, 'B'), answer(0, '456', 0, 4));
    stage.say(answer(0, '789'));
    await told(calls, '123456789', 'B');
  });

  it('skips types that it may skip', async () => {
    const stage = await scriptedServer();
    const call = stage.call('a');
    await seen(stage, 'REQUEST 1 #0 a');
    stage.say({ type: 0x80, flags: 255, body: 'new' }, answer(0), { type: 0xff });
    await told([call], 'hi');
  });

  it('takes no calls while much is on its way to the server, and takes them again then', async () => {
    const stage = await scriptedServer({ maxConcurrent: 1000 });
    stage.call('first');
    await seen(stage, 'REQUEST 1 #0 first');
    stage.streams[0]!.pause();
    await eventually(() => expect(stage.call('x'.repeat(65_536)).sent).toBe(false), { everyMs: 1 });
    stage.streams[0]!.resume();
    await eventually(() => expect(stage.call('y').sent).toBe(true));
  });
});

describe('a call that its caller waits for no longer', () => {
  it('is given up at once, and its late answer reaches no other call', async () => {
    const stage = await scriptedServer();
    const call = stage.call('a');
    await seen(stage, 'REQUEST 1 #0 a');
    call.call.cancel();
    call.call.cancel();
    expect(call.told).toEqual(['CANCELLED: Cancelled on client']);
    const next = stage.call('b');
    await saw(stage, 'NAME 1 #0 /s.S/Echo', 'REQUEST 1 #0 a', 'CANCEL 0 #0', 'REQUEST 1 #1 b');
    stage.say(answer(0, 'part', 0, 4), answer(0, 'late'), answer(1, 'B'));
    await told([call, next], 'CANCELLED: Cancelled on client', 'B');
    expect(new Set(['c', 'd'].map((text) => stage.call(text).call.slot))).toEqual(new Set([0, 1]));
  });

  it('ends at its deadline, with the text of grpc-js, and its late answer reaches no other call', async () => {
    const stage = await scriptedServer();
    const calls = Array.from({ length: 4 }, (_, i) => stage.call(String(i), { timeoutMs: 20 + i }));
    await eventually(() => expect(stage.got).toHaveLength(6));
    stage.time.advance(100);
    expect(calls.map((call) => call.told)).toEqual(
      calls.map(() => [
        expect.stringMatching(/^DEADLINE_EXCEEDED: Deadline exceeded after 0\.0\d\ds,remote_addr=127\.0\.0\.1:1$/),
      ]),
    );
    const next = Array.from({ length: 4 }, () => stage.call('n'));
    expect(next.map(({ call }) => call.slot)).toEqual([4, 5, 6, 7]);
    expect(stage.call('n').sent).toBe(false);
    // The first four were given up, too.
    await eventually(() => expect(stage.got).toHaveLength(14));
    stage.say(...calls.map((_, id) => answer(id, 'late')), ...next.map((_, i) => answer(4 + i, 'N')));
    await told(next, 'N', 'N', 'N', 'N');
    expect(calls.every((call) => call.told.length === 1)).toBe(true);
  });
});

describe('the end of a stream of calls', () => {
  it('comes a second after its last call', async () => {
    const stage = await scriptedServer();
    const call = stage.call('a');
    await seen(stage, 'REQUEST 1 #0 a');
    stage.time.advance(5000);
    stage.say(answer(0));
    await told([call], 'hi');
    stage.time.advance(999);
    const other = stage.call('b');
    stage.time.advance(999);
    await seen(stage, 'REQUEST 1 #0 b');
    stage.say(answer(0));
    await told([other], 'hi');
    expect(stage.seen.ended).toBe(0);
    stage.time.advance(1001);
    await eventually(() => expect(stage.seen.ended).toBe(1));
    expect(stage.call('c').sent).toBe(false);
    stage.streams[0]!.end();
    await eventually(() => expect(stage.ends).toEqual([undefined]));
    expect(stage.time.timers).toBe(0);
  });

  it('is made, where the server does not end its half: a stream would hold the process', async () => {
    const stage = await scriptedServer();
    const call = stage.call('a', { timeoutMs: 20 });
    await eventually(() => expect(stage.got).toHaveLength(3));
    stage.time.advance(100);
    expect(call.told).toHaveLength(1);
    stage.stream.leave();
    await eventually(() => expect(stage.seen.ended).toBe(1));
    stage.time.advance(1000);
    await eventually(() => expect(stage.ends).toEqual([undefined]));
  });

  it('is announced: no new calls, and the half-close with the last answer', async () => {
    const stage = await scriptedServer();
    const call = stage.call('a');
    await seen(stage, 'REQUEST 1 #0 a');
    stage.say({ type: GOAWAY }, { type: GOAWAY });
    await eventually(() => expect(stage.seen.draining).toBe(1));
    expect([stage.call('b').sent, stage.seen.ended]).toEqual([false, 0]);
    stage.say(answer(0));
    await told([call], 'hi');
    await eventually(() => expect(stage.seen.ended).toBe(1));
  });

  it('sends calls on through grpc-js that the server has not looked at, and waits for the others', async () => {
    const stage = await scriptedServer();
    const calls = ['a', 'b', 'c', 'd'].map((text) => stage.call(text));
    calls[3]!.call.cancel();
    await seen(stage, 'CANCEL 0 #3');
    stage.say({ type: GOAWAY, code: 1, id: 2 });
    await told(calls, '', '', 'plain', 'CANCELLED: Cancelled on client');
    stage.say(answer(1, 'B'), answer(0, 'A'));
    await told(calls, 'A', 'B', 'plain', 'CANCELLED: Cancelled on client');
    await eventually(() => expect(stage.seen.ended).toBe(1));
    expect(stage.outcomes.filter(({ processed }) => !processed)).toHaveLength(1);
  });

  it('sends all calls on where the server does not know the method', async () => {
    const stage = await scriptedServer({ serves: false });
    const calls = ['a', 'b'].map((text) => stage.call(text));
    await told(calls, 'plain', 'plain');
    expect(stage.ends).toMatchObject([{ code: status.UNIMPLEMENTED }]);
  });

  it('sends nothing on where the server says so after it has said something else', async () => {
    const stage = await scriptedServer();
    const call = stage.call('a');
    await seen(stage, 'REQUEST 1 #0 a');
    stage.say({ type: SETTINGS });
    stage.streams[0]!.emit('error', { code: status.UNIMPLEMENTED, details: 'now?' });
    await told([call], 'UNIMPLEMENTED: now?');
  });

  it.each([
    ['ends it', { code: status.OK }, 'UNAVAILABLE: the server ended the stream of mux before it had answered', 0],
    ['fails', { code: status.UNAVAILABLE, details: 'gone' }, 'UNAVAILABLE: gone', 1],
  ])('fails what runs where the server %s', async (_, ended, text, errors) => {
    const stage = await scriptedServer();
    const calls = [stage.call('a')];
    await seen(stage, 'REQUEST 1 #0 a');
    const [stream] = stage.streams;
    if (ended.code === status.OK) stream!.end();
    else stream!.emit('error', ended);
    await told(calls, text);
    expect(stage.ends).toHaveLength(1);
    expect(stage.ends.filter(Boolean)).toHaveLength(errors);
    expect([stage.call('b').sent, stage.time.timers]).toEqual([false, 0]);
  });

  it('leaves no timer and no call behind where there were deadlines', async () => {
    const stage = await scriptedServer();
    const call = stage.call('a', { timeoutMs: 5000 });
    await seen(stage, `REQUEST+1 1 #0 ${u32(5000).toString('latin1')}a`);
    stage.streams[0]!.emit('error', { code: status.UNAVAILABLE, details: 'gone' });
    await told([call], 'UNAVAILABLE: gone');
    stage.time.advance(10_000);
    expect([call.told.length, stage.time.timers]).toEqual([1, 0]);
  });
});

describe('a server that breaks the protocol', () => {
  const half = Buffer.of(1, 2, 3);
  const section = Buffer.concat([u32(3), half]);
  it.each<[string, readonly Frame[] | Buffer, string]>([
    ['names a method', [{ type: NAME, code: 1 }], 'a frame of type 2'],
    ['sends a frame of no type', [{ type: 0 }], 'a frame of type 0'],
    ['answers what nobody asked', [answer(5)], 'an answer to 5, where nothing was asked'],
    ['answers the last slot of all', [answer(0xffff_ffff)], 'an answer to 4294967295, where nothing was asked'],
    ['answers twice', [answer(1), answer(1)], 'an answer to 1, where nothing was asked'],
    ['ends within initial metadata', [answer(0, half, 0, 1)], 'a section is longer than its frame'],
    ['ends within trailers', [answer(0, half, 5, 2)], 'a section is longer than its frame'],
    ['sends malformed trailers', [answer(0, section, 5, 2)], 'a section of metadata is malformed'],
    ['sends more than the client takes', [answer(0, 'x'.repeat(101), 0, 4)], 'an answer of more than 100 bytes'],
    [
      'sends the rest of too much',
      [answer(0, 'x'.repeat(99), 0, 4), answer(0, 'xx')],
      'an answer of more than 100 bytes',
    ],
    ['sends parts of nothing', [answer(0, '', 0, 4)], 'an empty part of an answer'],
    ['sets a flag that was not settled', [answer(0, '', 0, 8)], 'an answer with flags 8'],
    ['puts metadata before a part', [answer(0, 'x', 0, 5)], 'an answer with flags 5'],
    ['sends half a frame', Buffer.alloc(5), 'a batch ends within the header of a frame'],
    ['cuts a frame', batchOf(answer(0)).subarray(0, 13), 'a batch ends within a frame'],
  ])('that %s is left, and each of its calls is told so, once', async (_, frames, why) => {
    const stage = await scriptedServer({ maxResponseBytes: 100 });
    const calls = ['a', 'b'].map((text) => stage.call(text));
    await seen(stage, 'REQUEST 1 #1 b');
    if (Buffer.isBuffer(frames)) stage.streams[0]!.write(frames);
    else stage.say(...frames);
    const text = `INTERNAL: mux: the server broke the protocol: ${why}`;
    await told(calls, text, why.includes(' to 1,') ? 'hi' : text);
    expect(stage.ends).toMatchObject([{ code: status.INTERNAL }]);
    await eventually(() => expect(stage.seen.cancelled).toBe(1));
    expect([stage.call('c').sent, stage.time.timers]).toEqual([false, 0]);
  });
});
