import { describe } from 'vitest';
import { plain, type Plain } from './record.js';
import { suiteOf } from './semantics.stage.js';
import type { Message } from './contract.js';

const { alike } = suiteOf();

const SHAPE = {
  class: 'Object',
  keys: ['text', 'data'],
  text: 'a',
  frozen: false,
  json: '{"text":"a","data":{"type":"Buffer","data":[98]}}',
  data: true,
};

describe('a field', () => {
  for (const [name, message, expected] of [
    ['of a text', { text: 'añb 日本語 🐦 \u0000' }, { text: 'añb 日本語 🐦 \u0000' }],
    ['of a long text', { text: 'é'.repeat(3900) }, { text: 'é'.repeat(3900) }],
    ['of 32 bits', { n: -2_147_483_648 }, { n: -2_147_483_648 }],
    ['of 32 bits in zigzag', { signed: -7 }, { signed: -7 }],
    ['of 64 bits', { big: 5 }, { big: { low: 5, high: 0, unsigned: false } }],
    ['of 64 bits, negative', { big: -1 }, { big: { low: -1, high: -1, unsigned: false } }],
    [
      'of 64 bits, as a text',
      { big: '9223372036854775807' },
      { big: { low: -1, high: 2_147_483_647, unsigned: false } },
    ],
    ['of 64 bits without a sign', { huge: '18446744073709551615' }, { huge: { low: -1, high: -1, unsigned: true } }],
    ['of a double', { real: 0.1 + 0.2 }, { real: 0.1 + 0.2 }],
    ['of a double that is none', { real: NaN }, { real: 'number NaN' }],
    ['of a double without end', { real: -Infinity }, { real: 'number -Infinity' }],
    ['of a double that is minus zero', { real: -0 }, { real: 'number 0' }],
    ['of a float', { single: 0.5 }, { single: 0.5 }],
    ['of a boolean', { flag: true }, { flag: true }],
    ['of an enum', { color: 1 }, { color: 1 }],
    ['of an enum by name', { color: 'RED' }, { color: 1 }],
    ['of an enum that is not known', { color: 9 }, { color: 9 }],
    ['of bytes', { data: Buffer.from([0, 255]) }, { data: 'hex 00ff' }],
    ['of a list', { list: ['a', '', 'b'] }, { list: ['a', '', 'b'] }],
    ['of an empty list', { list: [] }, {}],
    ['of packed numbers', { packed: [1, -1, 300] }, { packed: [1, -1, 300] }],
    ['of a map', { counts: { a: 1, '': 2, constructor: 3 } }, { counts: { a: 1, '': 2, constructor: 3 } }],
    ['of a message', { inner: { text: 'in', inner: { n: 1 } } }, { inner: { text: 'in', inner: { n: 1 } } }],
    ['of an empty message', { inner: {} }, { inner: {} }],
    ['of a choice', { right: 0 }, { right: 0 }],
    ['of a choice of two', { left: 'a', right: 1 }, { left: 'a', right: 1 }],
    ['that is optional and zero', { maybe: 0 }, { maybe: 0 }],
    ['that is unset', { text: undefined as never }, {}],
    ['that is null', { text: null as never, n: null as never }, {}],
    ['of another type', { n: '12' as never, flag: 1 as never }, { n: 12, flag: true }],
    ['that the type has not', { unknown: 1 } as never, {}],
  ] as const satisfies readonly (readonly [string, Message, object])[])
    alike(
      `${name} arrives, and comes back`,
      async ({ semantics }, { script }) => {
        let there: Plain = null;
        script.ask = (received) => {
          there = plain(received);
          return received;
        };
        const back = plain(await semantics.ask(message));
        return { there, back };
      },
      { there: expected, back: expected },
    );

  alike(
    'of a message is its own property, and the message an object of its type',
    async ({ semantics }, { script }) => {
      let there: unknown;
      const shape = (message: Message) => ({
        class: Object.getPrototypeOf(message).constructor.name as string,
        keys: Object.keys(message),
        text: message.text,
        frozen: Object.isFrozen(message),
        json: JSON.stringify(message),
        data: Buffer.isBuffer(message.data),
      });
      script.ask = (message) => {
        there = shape(message);
        return message;
      };
      const back = shape(await semantics.ask({ text: 'a', data: Buffer.from('b') }));
      return { there, back };
    },
    { there: SHAPE, back: SHAPE },
  );
});
