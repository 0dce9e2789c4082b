import { Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../testing/eventually.js';
import { CANCEL, GOAWAY, MAX_RESPONSE_BYTES, NAME, REQUEST, RESPONSE, SETTINGS } from '../frames.js';
import { decodeMetadata, encodeMetadata } from '../metadata-section.js';
import { closeAll, rawClient, u32, type Frame } from '../mux.stage.js';

const ECHO: Frame = { type: NAME, code: 1, body: '/s.S/Echo' };
const HOLD: Frame = { type: NAME, code: 2, body: '/s.S/Hold' };
const ask = (id: number, body: string | Buffer = 'hi', flags = 0): Frame => ({
  type: REQUEST,
  code: 1,
  id,
  body,
  flags,
});
const hold = (id: number, body: string | Buffer = '', flags = 0): Frame => ({
  type: REQUEST,
  code: 2,
  id,
  body,
  flags,
});
const cancel = (id: number): Frame => ({ type: CANCEL, id });
type Stage = Awaited<ReturnType<typeof rawClient>>;
type Held = Stage['held'][0];
const answered = ({ got }: Stage, ...frames: readonly string[]) => eventually(() => expect(got).toEqual(frames));
const running = ({ held }: Stage, count: number) => eventually(() => expect(held).toHaveLength(count));

afterEach(closeAll);

describe('the server of a stream of calls', () => {
  it('says what it takes before it is asked anything', async () => {
    const { settings } = await rawClient();
    await eventually(() => expect(settings).toHaveLength(1));
    expect(settings[0]!.subarray(12).toString('hex')).toBe('0100080000000200' + '00040000');
  });

  it('answers calls, each in its slot, and takes names in their turn', async () => {
    const stage = await rawClient();
    stage.send(ECHO, ask(0, 'a'), HOLD, hold(1), ask(2, 'b'));
    await answered(stage, 'RESPONSE 0 #0 a', 'RESPONSE 0 #2 b');
    stage.held[0]!.done(null, 'late');
    stage.send(ask(0, 'again'));
    await eventually(() =>
      expect(stage.got.slice(2).toSorted()).toEqual(['RESPONSE 0 #0 again', 'RESPONSE 0 #1 late']),
    );
  });

  it('gives handlers what a unary call of grpc-js has', async () => {
    const stage = await rawClient({}, ['x-stream', 'a']);
    stage.send(ECHO, HOLD, hold(0, Buffer.concat([u32(5000), Buffer.from('q')]), 1), hold(1));
    await running(stage, 2);
    const [{ call }, { call: other }] = stage.held as [Held, Held];
    expect([call.request, call.getPath(), call.cancelled]).toEqual(['q', '/s.S/Hold', false]);
    expect(call.getPeer()).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(call.getHost()).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(call.metadata.get('x-stream')).toEqual(['a']);
    expect(Math.abs(call.getDeadline() - Date.now() - 5000)).toBeLessThan(4000);
    expect(other.getDeadline()).toBe(Infinity);
  });

  it('takes metadata, and sends it both before and behind an answer', async () => {
    const stage = await rawClient();
    const sent = new Metadata();
    sent.set('a', '1');
    sent.set('b-bin', Buffer.of(0, 255));
    const section = encodeMetadata(sent)!;
    stage.send(ECHO, HOLD, hold(0, Buffer.concat([u32(section.length), section, Buffer.from('q')]), 2));
    await running(stage, 1);
    const [{ call, done }] = stage.held as [Held];
    expect([call.request, call.metadata.get('a'), call.metadata.get('b-bin')]).toEqual([
      'q',
      ['1'],
      [Buffer.of(0, 255)],
    ]);
    call.sendMetadata(sent);
    done(null, 'x', sent);
    await eventually(() => expect(stage.got).toHaveLength(1));
    const [, body] = /^RESPONSE\+3 0 #0 ([\s\S]*)$/.exec(stage.got[0]!)!;
    const bytes = Buffer.from(body!, 'latin1');
    const at = 4 + section.length;
    expect(decodeMetadata(bytes.subarray(4, at)).toJSON()).toEqual(sent.toJSON());
    expect(decodeMetadata(bytes.subarray(at + 4, 2 * at)).toJSON()).toEqual(sent.toJSON());
    expect(bytes.toString('latin1', 2 * at)).toBe('x');
  });

  it('answers failures with their status and their text, those of handlers that throw among them', async () => {
    const stage = await rawClient();
    stage.add('/s.S/Throw', () => {
      throw new Error('secret');
    });
    stage.add('/s.S/Fail', (_, done) => done({ code: status.NOT_FOUND, details: 'no Jürgen' }));
    stage.send(ECHO, { type: NAME, code: 2, body: '/s.S/Throw' }, { type: NAME, code: 3, body: '/s.S/Fail' });
    stage.send({ type: NAME, code: 4, body: '/s.S/Nothing' });
    for (const code of [2, 3, 4]) stage.send({ type: REQUEST, code, id: code });
    await answered(
      stage,
      'RESPONSE 2 #2 Unknown error',
      `RESPONSE 5 #3 ${Buffer.from('no Jürgen').toString('latin1')}`,
      'RESPONSE 12 #4 The server does not implement the method Nothing',
    );
  });

  it('sends a long answer in parts', async () => {
    const stage = await rawClient();
    const text = 'x'.repeat(80_000);
    stage.send(ECHO, HOLD, hold(0), ask(1));
    await running(stage, 1);
    stage.held[0]!.done(null, text);
    await eventually(() => expect(stage.got).toHaveLength(4));
    const parts = stage.got.slice(1).map((frame) => /^(RESPONSE\+?\d* \d+ #\d+) (x+)$/.exec(frame)!);
    expect(parts.map(([, head]) => head)).toEqual(['RESPONSE+4 0 #0', 'RESPONSE+4 0 #0', 'RESPONSE 0 #0']);
    expect(parts.map(([, , x]) => x).join('')).toBe(text);
  });

  it('sends no answer that is longer than the client takes, or than it may send itself', async () => {
    const stage = await rawClient({ maxSendBytes: 100 });
    const tenBytes = Buffer.concat([Buffer.of(MAX_RESPONSE_BYTES, 0), u32(10), Buffer.of(99, 0), u32(1)]);
    stage.send(
      { type: SETTINGS, body: tenBytes },
      ECHO,
      ask(0, 'x'.repeat(10)),
      ask(1, 'x'.repeat(11)),
      ask(2, 'x'.repeat(101)),
    );
    await eventually(() => expect(stage.got).toHaveLength(3));
    expect(stage.got).toEqual([
      `RESPONSE 0 #0 ${'x'.repeat(10)}`,
      'RESPONSE 8 #1 Received message larger than max (11 vs 10)',
      'RESPONSE 8 #2 Sent message larger than max (106 vs. 100)',
    ]);
  });

  it('skips frames of types that it may skip', async () => {
    const stage = await rawClient();
    stage.send({ type: 0x80, flags: 255, code: 9, id: 9, body: 'new' }, ECHO, { type: 0xff }, ask(0));
    await answered(stage, 'RESPONSE 0 #0 hi');
  });

  it('goes on with a thousand frames of one batch in slices, all of which it answers in order', async () => {
    const stage = await rawClient({ maxConcurrent: 1000 });
    stage.send(ECHO, ...Array.from({ length: 1000 }, (_, id) => ask(id, String(id))));
    await answered(stage, ...Array.from({ length: 1000 }, (_, id) => `RESPONSE 0 #${id} ${id}`));
  });
});

describe('every REQUEST has exactly one RESPONSE', () => {
  it('where it is given up, and its handler answers all the same', async () => {
    const stage = await rawClient();
    stage.send(ECHO, HOLD, hold(0));
    await running(stage, 1);
    stage.send(cancel(0), cancel(0), cancel(7));
    await answered(stage, 'RESPONSE 1 #0 Cancelled on client');
    const [{ call, done, cancelled }] = stage.held as [Held];
    expect([call.cancelled, cancelled]).toEqual([true, ['cancelled']]);
    done(null, 'late');
    stage.send(hold(0), ask(1));
    await answered(stage, 'RESPONSE 1 #0 Cancelled on client', 'RESPONSE 0 #1 hi');
  });

  it('where its time is over, and its handler answers all the same', async () => {
    const stage = await rawClient();
    stage.send(ECHO, HOLD, hold(0, u32(50), 1), hold(1, u32(0xffff_ffff), 1), hold(2));
    await running(stage, 3);
    stage.time.advance(49);
    stage.send(ask(3));
    await answered(stage, 'RESPONSE 0 #3 hi');
    stage.time.advance(15);
    await answered(stage, 'RESPONSE 0 #3 hi', 'RESPONSE 4 #0 Deadline exceeded');
    expect(stage.held.map(({ cancelled }) => cancelled)).toEqual([['cancelled'], [], []]);
    stage.held[0]!.done(null, 'late');
    stage.held[1]!.done(null, 'b');
    await eventually(() => expect(stage.got.slice(2)).toEqual(['RESPONSE 0 #1 b']));
  });

  it('where it fails with no status of gRPC, or with a text that fills no frame', async () => {
    const stage = await rawClient();
    stage.send(ECHO, HOLD, ...[0, 1, 2, 3, 4].map((id) => hold(id)));
    await running(stage, 5);
    for (const [i, code] of [0, -1, 65_536, 1.5].entries()) stage.held[i]!.done({ code, message: 'failed' });
    stage.held[4]!.done({ code: 5, details: 'x'.repeat(100_000) });
    const unknown = [1, 2, 3].map((id) => `RESPONSE 2 #${id} failed`);
    await answered(stage, 'RESPONSE 12 #0 No message received', ...unknown, `RESPONSE 5 #4 ${'x'.repeat(32_768)}`);
  });

  it('where its handler answers twice', async () => {
    const stage = await rawClient();
    stage.add('/s.S/Twice', (_, done) => (done(null, 'a'), done(null, 'b'), done({ code: 5 })));
    stage.send(ECHO, { type: NAME, code: 2, body: '/s.S/Twice' }, { type: REQUEST, code: 2, id: 0 }, ask(1));
    await answered(stage, 'RESPONSE 0 #0 a', 'RESPONSE 0 #1 hi');
  });

  it('where its handler answers, and throws then', async () => {
    const stage = await rawClient();
    stage.add('/s.S/Both', (_, done) => {
      done(null, 'a');
      throw new Error('late');
    });
    stage.send(ECHO, { type: NAME, code: 2, body: '/s.S/Both' }, { type: REQUEST, code: 2, id: 0 }, ask(1));
    await answered(stage, 'RESPONSE 0 #0 a', 'RESPONSE 0 #1 hi');
  });

  it.each(['by its client', 'by its deadline', 'by the server'])(
    'where it is ended %s, and answers when it hears so',
    async (by) => {
      const stage = await rawClient();
      stage.add(
        '/s.S/Hear',
        (call, done) => void call.on('cancelled', () => done({ code: status.ABORTED, details: 'heard' })),
      );
      stage.send(ECHO, { type: NAME, code: 2, body: '/s.S/Hear' }, hold(0, u32(100), 1), ask(1));
      await answered(stage, 'RESPONSE 0 #1 hi');
      if (by === 'by its client') stage.send(cancel(0));
      else if (by === 'by its deadline') stage.time.advance(200);
      else stage.mux.end({ code: status.UNAVAILABLE, details: 'stopping' });
      await eventually(() => expect(stage.got).toHaveLength(2));
      const end = stage.got[1]!;
      expect(end).toMatch(/^RESPONSE (1|4|14) #0 /);
      stage.send(ask(1));
      await answered(stage, 'RESPONSE 0 #1 hi', end, 'RESPONSE 0 #1 hi');
    },
  );

  it('where it cannot be read, or its answer cannot be written', async () => {
    const stage = await rawClient();
    const broken = () => {
      throw new Error('broken');
    };
    const handle = (_: unknown, done: (error: null, value: unknown) => void) => done(null, 'x');
    stage.mux.add({ path: '/s.S/In', deserialize: broken, serialize: () => Buffer.alloc(0), handle });
    stage.mux.add({ path: '/s.S/Out', deserialize: String, serialize: broken, handle });
    stage.send({ type: NAME, code: 1, body: '/s.S/In' }, { type: NAME, code: 2, body: '/s.S/Out' }, ask(0), hold(1));
    await answered(stage, 'RESPONSE 13 #0 Error deserializing request', 'RESPONSE 13 #1 Error serializing response');
  });
});

describe('the end of a stream of calls', () => {
  it('comes with the last answer where the client has no more calls', async () => {
    const stage = await rawClient();
    stage.send(ECHO, HOLD, hold(0));
    stage.stream.end();
    await running(stage, 1);
    stage.held[0]!.done(null, 'last');
    expect(await stage.ended).toMatchObject({ code: status.OK });
    expect(stage.got).toEqual(['RESPONSE 0 #0 last']);
  });

  it('is announced, and what comes after all is served', async () => {
    const stage = await rawClient();
    stage.send(ECHO, ask(0));
    await answered(stage, 'RESPONSE 0 #0 hi');
    stage.mux.goAway();
    stage.send(ask(1));
    await eventually(() =>
      expect(stage.got.toSorted()).toEqual(['GOAWAY 0 #0', 'RESPONSE 0 #0 hi', 'RESPONSE 0 #1 hi']),
    );
  });

  it('says how many calls were looked at, answers those, and hears of those that are given up', async () => {
    const stage = await rawClient();
    stage.send(ECHO, HOLD, hold(0), hold(1), ask(2));
    await answered(stage, 'RESPONSE 0 #2 hi');
    stage.mux.refuse();
    stage.send(ask(3), cancel(1));
    await eventually(() => expect(stage.held[1]!.cancelled).toEqual(['cancelled']));
    stage.held[0]!.done(null, 'last');
    expect(await stage.ended).toMatchObject({ code: status.OK });
    expect(stage.got).toEqual([
      'RESPONSE 0 #2 hi',
      'GOAWAY 1 #3',
      'RESPONSE 1 #1 Cancelled on client',
      'RESPONSE 0 #0 last',
    ]);
  });

  it('is heard by handlers whose client is gone, and what they answer is kept by nobody', async () => {
    const stage = await rawClient();
    stage.send(ECHO, HOLD, hold(0));
    await running(stage, 1);
    stage.stream.cancel();
    await eventually(() => expect(stage.held[0]!.cancelled).toEqual(['cancelled']));
    let written = 0;
    const { call, done } = stage.held[0]!;
    Object.defineProperty(call.parts.method, 'serialize', { value: () => ((written += 1), Buffer.alloc(1)) });
    done(null, 'late');
    expect(written).toBe(0);
  });
});

describe('a client that does not read', () => {
  it('is served no further until it does, and the others are', async () => {
    const stage = await rawClient();
    let asked = 0;
    stage.add('/s.S/Big', (_, done) => ((asked += 1), done(null, 'x'.repeat(60_000))));
    stage.stream.pause();
    stage.send({ type: NAME, code: 1, body: '/s.S/Big' });
    for (let i = 0; i < 500; i += 1) stage.send(ask(i % 8));
    const other = stage.another();
    other.send(ECHO);
    for (let i = 1; i <= 100; i += 1) {
      other.send(ask(0));
      await eventually(() => expect(other.got).toHaveLength(i), { everyMs: 1 });
    }
    expect(asked).toBeLessThan(200);
    stage.stream.resume();
    await eventually(() => expect(stage.got).toHaveLength(1000));
    expect(asked).toBe(500);
  });
});

describe('a client that breaks the protocol', () => {
  const half = Buffer.of(1, 2, 3);
  it.each<[string, readonly Frame[], string]>([
    ['answers', [{ type: RESPONSE }], 'a frame of type 5'],
    ['sends the server away', [{ type: GOAWAY }], 'a frame of type 6'],
    ['sends a frame of no type', [{ type: 0 }], 'a frame of type 0'],
    ['leaves out a name', [{ type: NAME, code: 3, body: 'b' }], 'name 3 out of turn'],
    ['gives a name twice', [{ type: NAME, code: 1, body: 'a' }], 'name 1 out of turn'],
    ['gives a name that is too long', [{ type: NAME, code: 2, body: 'x'.repeat(1025) }], 'a name that is too long'],
    ['asks for a method without a name', [{ type: REQUEST, code: 9 }], 'a request without a name (9)'],
    ['asks for no method', [{ type: REQUEST, code: 0 }], 'a request without a name (0)'],
    ['takes a slot that there is not', [ask(8)], 'slot 8 is taken, or is none'],
    ['takes the last slot of all', [ask(0xffff_ffff)], 'slot 4294967295 is taken, or is none'],
    ['asks more than it may', [ask(0, 'x'.repeat(1033))], 'a request that is too long'],
    ['sets a flag that was not settled', [ask(0, '', 4)], 'a request with flags 4'],
    ['ends within the time', [ask(0, half, 1)], 'a request that ends within its time'],
    ['ends within metadata', [ask(0, half, 2)], 'a section is longer than its frame'],
    ['sends malformed metadata', [ask(0, Buffer.concat([u32(3), half]), 2)], 'a section of metadata is malformed'],
    ['sends half a setting', [{ type: SETTINGS, body: half }], 'settings of half a pair'],
  ])('that %s ends with INTERNAL, and so do its calls', async (_, frames, why) => {
    const stage = await rawClient();
    const first = { type: NAME, code: 1, body: '/s.S/Hold' };
    stage.send(first, { type: REQUEST, code: 1, id: 7 });
    await running(stage, 1);
    stage.send(...frames);
    const { code, details } = await stage.ended;
    expect([code, details]).toEqual([status.INTERNAL, `mux: the client broke the protocol: ${why}`]);
    expect(stage.held[0]!.cancelled).toEqual(['cancelled']);
  });

  it('that uses a slot before it was answered ends, and the server goes on', async () => {
    const stage = await rawClient();
    stage.send(ECHO, HOLD, hold(3), hold(3));
    expect(await stage.ended).toMatchObject({ code: status.INTERNAL });
    expect(stage.held).toHaveLength(1);
  });

  it('that gives more names than there may be ends', async () => {
    const names = (count: number) =>
      Array.from({ length: count }, (_, i): Frame => ({ type: NAME, code: i + 1, body: 'n' }));
    const many = await rawClient();
    many.send(...names(4097));
    expect(await many.ended).toMatchObject({ details: expect.stringContaining('name 4097 out of turn') });
  });

  it('that sends half a frame ends', async () => {
    const stage = await rawClient();
    stage.stream.write(Buffer.alloc(5));
    expect(await stage.ended).toMatchObject({ details: expect.stringContaining('within the header of a frame') });
  });
});
