import { currentLane } from 'rookery';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { chain, ChainStage, type ChainClient } from '../support/chain-stage.js';
import { answered, StreamsStage } from '../support/streams-stage.js';

let stage: ChainStage;
let callers: StreamsStage;
beforeEach(() => {
  stage = new ChainStage();
  callers = new StreamsStage();
});
afterEach(async () => {
  await callers.close();
  await stage.close();
});

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

it('a client that is made while its server runs: the deadline of later calls caps what they call', async () => {
  const incoming: number[] = [];
  const outgoing: number[] = [];
  let users: ChainClient | undefined;
  await stage.serve('users', {
    ask: (_, __, call) => {
      outgoing.push(Number(call.getDeadline()));
      return { text: String(currentLane()) };
    },
  });
  const { port } = await stage.serve('orders', {
    ask: async (_, __, call) => {
      incoming.push(Number(call.getDeadline()));
      return users ? users.streams.ask({}, { timeoutMs: HOUR }) : { text: 'alone' };
    },
  });
  const orders = callers.raw(`127.0.0.1:${port}`);
  const ask = () => answered((done) => orders.Ask({}, { deadline: Date.now() + MINUTE }, done));
  expect(await ask()).toEqual({ messages: [expect.objectContaining({ text: 'alone' })] });
  users = (await stage.caller({ service: chain('users') }))('users');
  expect(await ask()).toEqual({ messages: [expect.objectContaining({ text: 'undefined' })] });
  // A deadline travels as the time that is left, which is counted anew where it arrives.
  expect(Math.abs(outgoing[0]! - incoming[1]!)).toBeLessThan(MINUTE / 2);
});
