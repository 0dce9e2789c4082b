import { status } from '@grpc/grpc-js';
import { eventually } from 'rookery/testing';
import { Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFrameProxy } from '../support/frame-proxy.js';
import { StreamsStage } from '../support/streams-stage.js';

let stage: StreamsStage;
beforeEach(() => void (stage = new StreamsStage()));
afterEach(() => stage.close());

describe('a stream of requests whose client goes away', () => {
  it('says CANCELLED to the loop of a handler, and completes as an Observable', async () => {
    const ends: unknown[] = [];
    stage.handlers.sum = async (messages) => {
      try {
        for await (const { text } of messages) ends.push(text);
      } catch (error) {
        ends.push((error as { status: object }).status);
        throw error;
      }
    };
    stage.handlers.echo = (messages) => {
      messages.subscribe({ next: ({ text }) => ends.push(text), complete: () => ends.push('complete') });
      return new Subject();
    };
    const client = stage.raw(await stage.start('rookery'));
    for (const [call, end] of [
      [client.Sum(() => {}), expect.objectContaining({ code: status.CANCELLED })],
      [client.Echo().on('error', () => {}), 'complete'],
    ]) {
      call.write({ text: 'one' });
      await eventually(() => expect(ends).toEqual(['one']));
      call.cancel();
      await eventually(() => expect(ends).toEqual(['one', end]));
      ends.length = 0;
    }
  });

  it.each([
    ['says first that it has sent everything, as Node does', true],
    ['only goes away', false],
  ])('is no whole one where the client %s, however late', async (_, ends) => {
    const seen: unknown[] = [];
    stage.handlers.sum = async (messages) => {
      try {
        for await (const { text } of messages) seen.push(text);
        seen.push('whole');
      } catch (error) {
        seen.push((error as { status: { code: number } }).status.code);
      }
      return {};
    };
    const url = await stage.start('rookery');
    await using network = await startFrameProxy(url.slice('unix:'.length), ends);
    const client = stage.raw(network.host);
    const calls = [1, 2, 3].map(() => client.Sum(() => {}));
    for (const call of calls) call.write({ text: 'one' });
    await eventually(() => expect(seen).toEqual(['one', 'one', 'one']));
    for (const call of calls) call.cancel();
    await eventually(() => expect(seen.slice(3)).toEqual([1, 2, 3].map(() => status.CANCELLED)));
  });
});
