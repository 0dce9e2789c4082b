import { status } from '@grpc/grpc-js';
import { failed } from './expected.js';
import { outcomeOf, plain } from './record.js';
import { suiteOf } from './semantics.stage.js';
import { describe } from 'vitest';

describe('bytes of a message', () => {
  const { alike } = suiteOf();

  alike(
    'keep no more memory than they need: three of them, among many that are sent together',
    async ({ semantics }, { script }) => {
      const kept: Uint8Array[] = [];
      script.ask = (message) => {
        kept.push(message.data!);
        return { data: Buffer.from('abc') };
      };
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => semantics.ask({ data: Buffer.from('abc'), text: 'x'.repeat(2000) })),
      );
      return {
        handler: Math.max(...kept.map(({ buffer }) => buffer.byteLength)) <= 8192,
        caller: Math.max(...answers.map(({ data }) => data!.buffer.byteLength)) <= 8192,
      };
    },
    { handler: true, caller: true },
  );

  alike(
    'stay what they were, whatever comes behind them',
    async ({ semantics }, { script }) => {
      const kept: Uint8Array[] = [];
      script.ask = (message) => {
        kept.push(message.data!);
        return message;
      };
      const answers = await Promise.all(
        Array.from({ length: 300 }, (_, i) => semantics.ask({ data: Buffer.alloc(50, i) })),
      );
      for (let i = 0; i < 300; i += 1) await semantics.ask({ data: Buffer.alloc(50, 255) });
      const right = (data: Uint8Array, i: number) => Buffer.alloc(50, i).equals(data);
      return { handler: kept.slice(0, 300).every(right), caller: answers.every(({ data }, i) => right(data!, i)) };
    },
    { handler: true, caller: true },
  );

  alike(
    'may be changed by the handler, and nobody else sees it',
    async ({ semantics }, { script }) => {
      script.ask = (message) => {
        message.data!.fill(7);
        return {};
      };
      const data = Buffer.from('abc');
      await Promise.all([semantics.ask({ data }), semantics.ask({ data })]);
      script.ask = (message) => message;
      return { sent: plain(data), again: await outcomeOf(semantics.ask({ data })) };
    },
    { sent: 'hex 616263', again: { answer: { data: 'hex 616263' } } },
  );

  alike(
    'of a request may be changed by its caller once the call is made',
    async ({ semantics }, { script }) => {
      script.ask = (message) => message;
      const message = { data: Buffer.from('abc'), text: 'before' };
      const outcome = outcomeOf(semantics.ask(message));
      message.data.fill(0);
      message.text = 'after';
      return outcome;
    },
    { answer: { data: 'hex 616263', text: 'before' } },
  );

  for (const [name, bytes, expected] of [
    ['that are no message', 'ffff', failed(status.INTERNAL, 'Error deserializing request')],
    ['that are random', 'deadbeef', failed(status.INTERNAL, 'Error deserializing request')],
  ] as const)
    alike(
      `${name} are refused, and no handler hears of them`,
      async (caller, { script }) => {
        let asked = 0;
        script.ask = () => {
          asked += 1;
          return {};
        };
        const outcome = await caller.inBytes({ bytes: Buffer.from(bytes, 'hex') });
        return { outcome, asked, next: await caller.inBytes({ bytes: Buffer.alloc(0) }) };
      },
      { outcome: expected, asked: 0, next: { answer: {} } },
    );

  alike(
    'that end before a text does are what there is of it, and nothing of what lies behind them',
    async (caller, { script }) => {
      const got: object[] = [];
      script.ask = (message) => {
        got.push({ ...message });
        return {};
      };
      await Promise.all([0, 1, 2].map(() => caller.inBytes({ bytes: Buffer.from('0a09616263', 'hex') })));
      return got;
    },
    Array(3).fill({ text: 'abc' }),
  );

  alike(
    'of a field that the server does not know are skipped',
    async (caller, { script }) => {
      let got = {};
      script.ask = (message) => {
        got = { ...message };
        return {};
      };
      // Field 100 is a text, field 2 is 7.
      const outcome = await caller.inBytes({ bytes: Buffer.from('a20603616263' + '1007', 'hex') });
      return { outcome, got };
    },
    { outcome: { answer: {} }, got: { n: 7 } },
  );

  alike(
    'of an answer that the client cannot read are an error of that call',
    async (caller, { script }) => {
      script.ask = () => ({ n: 7 });
      const outcome = await caller.inBytes({ bytes: Buffer.alloc(0) });
      script.ask = () => ({});
      return { outcome, next: await caller.inBytes({ bytes: Buffer.alloc(0) }) };
    },
    {
      outcome: failed(status.INTERNAL, 'Response message parsing error: 2 bytes are too many'),
      next: { answer: {} },
    },
  );

  alike(
    'of a request that cannot be written are an error of that call, and none is sent',
    async ({ semantics }, { script }) => {
      let asked = 0;
      script.ask = (message) => {
        asked += 1;
        return message;
      };
      const outcome = await outcomeOf(semantics.ask({ inner: 5 } as never));
      return { outcome, asked, next: await outcomeOf(semantics.ask({ text: 'a' })) };
    },
    {
      outcome: failed(
        status.INTERNAL,
        'Request message serialization failure: .semantics.Message.inner: object expected',
      ),
      asked: 0,
      next: { answer: { text: 'a' } },
    },
    'any',
  );
});
