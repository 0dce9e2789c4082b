import { EventEmitter } from 'node:events';
import type { IWatchRequest, IWatchResponse } from 'etcd3';
import { describe, expect, it } from 'vitest';
import { fakeTime } from '../../testing/fake-time.js';
import type { EtcdClient } from './client.js';
import { watchFrom } from './requests.js';
import { Stream, type RawStream } from './stream.js';
import { WatchStream } from './watch-stream.js';

/** A raw stream whose other end is the spec. */
class FakeRaw extends EventEmitter implements RawStream<IWatchRequest, IWatchResponse> {
  readonly written: IWatchRequest[] = [];
  canceled = 0;
  write(message: IWatchRequest): void {
    this.written.push(message);
  }
  end(): void {}
  cancel(): void {
    this.canceled += 1;
    this.emit('error', new Error('1 CANCELLED'));
  }
  answer(response: Partial<IWatchResponse>): void {
    this.emit('data', { compact_revision: '0', cancel_reason: '', events: [], ...response });
  }
}

const requests = [watchFrom({ key: 'a' }, 1), watchFrom({ key: 'b' }, 1)];
const header = { cluster_id: '1', member_id: '1', revision: '7', raft_term: '2' };
const event = { type: 'Put' } as IWatchResponse['events'][number];

function setUp() {
  const time = fakeTime();
  const raw = new FakeRaw();
  /** As the package listens: it takes an error for a fault of the server. */
  const blamed: Error[] = [];
  raw.on('error', (error: Error) => blamed.push(error));
  const made = { hosts: 1, watch: () => Promise.resolve(new Stream(raw, time)), failed: () => false };
  const client = made as unknown as EtcdClient;
  const abort = new AbortController();
  const opening = WatchStream.open(client, time, requests, abort.signal);
  opening.catch(() => {});
  return { time, raw, blamed, abort, opening };
}

async function opened() {
  const fixture = setUp();
  await fixture.time.advanceAsync(0);
  for (let i = 0; i < 2; i += 1) fixture.raw.answer({ created: true, header });
  return { ...fixture, ...(await fixture.opening) };
}

describe('a watch stream', () => {
  it('is open once every watch is set up, and loses nothing that came before', async () => {
    const { raw, time, opening } = setUp();
    await time.advanceAsync(0);
    expect(raw.written).toEqual(requests);
    raw.answer({ created: true, header });
    raw.answer({ events: [event], watch_id: '0' });
    raw.answer({ created: true, header: { ...header, revision: '8' } });
    const { watch, header: first } = await opening;
    expect(first).toEqual(header);
    expect(await watch.next()).toMatchObject({ events: [event] });
    expect(time.timers).toBe(0);
  });

  it('gives up on a server that does not set it up within 3 s, and has it passed over', async () => {
    const { raw, time, blamed, opening } = setUp();
    await time.advanceAsync(0);
    raw.answer({ created: true, header });
    await time.advanceAsync(2999);
    expect(raw.canceled).toBe(0);
    await time.advanceAsync(1);
    await expect(opening).rejects.toThrow('did not set up a watch within 3000 ms');
    expect([raw.canceled, blamed.length, time.timers]).toEqual([1, 1, 0]);
  });

  it('asks a silent server whether it is there, and stays with one that answers', async () => {
    const { raw, time, watch } = await opened();
    const next = watch.next();
    await time.advanceAsync(10_000);
    expect(raw.written.at(-1)).toEqual({ progress_request: {} });
    raw.answer({ watch_id: '-1', header });
    await time.advanceAsync(9_999);
    expect(raw.written).toHaveLength(3);
    raw.answer({ events: [event] });
    expect(await next).toMatchObject({ events: [event] });
  });

  it('throws when a silent server does not answer within 5 s', async () => {
    const { raw, time, blamed, watch } = await opened();
    const next = expect(watch.next()).rejects.toThrow('silent for 15000 ms');
    await time.advanceAsync(15_000);
    await next;
    expect([raw.canceled, blamed.length]).toEqual([1, 1]);
  });

  it.each([
    ['the revision was compacted', { canceled: true, compact_revision: '9' }, /compacted/],
    ['something else', { canceled: true, cancel_reason: 'no leader' }, /no leader/],
  ])('throws when etcd ends a watch: %s', async (_, response, message) => {
    const { raw, watch } = await opened();
    raw.answer(response);
    await expect(watch.next()).rejects.toThrow(message);
  });

  it('throws what breaks the stream', async () => {
    const { raw, watch } = await opened();
    const next = expect(watch.next()).rejects.toThrow('14 UNAVAILABLE');
    raw.emit('error', new Error('14 UNAVAILABLE'));
    await next;
    await expect(watch.next()).rejects.toThrow('14 UNAVAILABLE');
  });

  it('ends without a word to the server’s blame when it is aborted', async () => {
    const { raw, time, blamed, abort, watch } = await opened();
    const next = watch.next();
    abort.abort();
    expect(await next).toBeUndefined();
    watch.close();
    watch.close();
    expect([raw.canceled, blamed.length, time.timers]).toEqual([1, 0, 0]);
    expect(() => raw.emit('error', new Error('late'))).not.toThrow();
  });
});
