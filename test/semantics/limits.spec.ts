import { status } from '@grpc/grpc-js';
import { describe } from 'vitest';
import { failed } from './expected.js';
import { outcomeOf, type Outcome } from './record.js';
import { suiteOf, type Caller, type SemanticsStage } from './semantics.stage.js';
import type { Message } from './contract.js';

/** A message that takes as many bytes: one for the field, two or three for the length, and the text. */
const sized = (bytes: number): Message => ({
  text: 'x'.repeat(bytes - (bytes > 130 ? 3 : 2) - (bytes > 16_387 ? 1 : 0)),
});

/** An answer only by its length. */
async function answered(
  { semantics }: Caller,
  { script }: SemanticsStage,
  asked: Message,
  answer: Message,
): Promise<unknown> {
  script.ask = () => answer;
  return short(await outcomeOf(semantics.ask(asked)));
}

function short(outcome: Outcome): unknown {
  return 'answer' in outcome ? { length: (outcome.answer as Message).text?.length ?? 0 } : outcome;
}

const receivedTooLarge = (bytes: number, most: number) =>
  failed(status.RESOURCE_EXHAUSTED, `Received message larger than max (${bytes} vs ${most})`);
const length = (bytes: number) => ({ length: sized(bytes).text!.length });
const next = { after: { answer: { text: 'next' } } };

async function after({ semantics }: Caller, { script }: SemanticsStage) {
  script.ask = (message) => message;
  return { after: await outcomeOf(semantics.ask({ text: 'next' })) };
}

/** Of streams, too, where a batch of calls fits into a message; what is large goes by itself. */
const SCALES = [1, 600];
const over = (scale: number, asked: number) => (scale === 1 || asked > 8000 ? 'any' : 'transport');

describe.each(SCALES)('limits of a server, times %d,', (scale) => {
  const [received, sent] = [2000 * scale, 3000 * scale];
  const { alike } = suiteOf({ server: { maxReceiveMessageLength: received, maxSendMessageLength: sent } });
  const sentTooLarge = (bytes: number) =>
    failed(status.RESOURCE_EXHAUSTED, `Sent message larger than max (${bytes} vs. ${sent})`);

  for (const [name, asked, answer, expected] of [
    ['a request at the limit passes', received, 10, length(10)],
    ['one byte more does not', received + 1, 10, receivedTooLarge(received + 1, received)],
    ['a request far above it does not', 2_000_000, 10, receivedTooLarge(2_000_000, received)],
    ['an answer at the limit passes', 10, sent, length(sent)],
    // With the five bytes that gRPC puts before a message.
    ['one byte more of an answer does not', 10, sent + 1, sentTooLarge(sent + 6)],
    ['an answer far above it does not', 10, 2_000_000, sentTooLarge(2_000_005)],
  ] as const)
    alike(
      `hold for each message: ${name}`,
      async (caller, stage) => ({
        outcome: await answered(caller, stage, sized(asked), sized(answer)),
        ...(await after(caller, stage)),
      }),
      { outcome: expected, ...next },
      over(scale, asked),
    );

  alike(
    'hold for each message, not for what is sent together',
    async ({ semantics }, { script }) => {
      script.ask = (message) => message;
      const asked = Array.from({ length: 200 }, (_, n) => ({ n: n + 1, text: 'x'.repeat(1000) }));
      const answers = await Promise.all(asked.map((message) => semantics.ask(message)));
      return answers.every(({ n, text }, i) => n === i + 1 && text!.length === 1000);
    },
    true,
    over(scale, 0),
  );
});

describe.each(SCALES)('limits of a client, times %d,', (scale) => {
  const [received, sent] = [2000 * scale, 500 * scale];
  const channelOptions = { 'grpc.max_receive_message_length': received, 'grpc.max_send_message_length': sent };
  const { alike } = suiteOf({ client: { channelOptions } });

  for (const [name, asked, answer, expected] of [
    ['a request at the limit passes', sent, 10, length(10)],
    [
      'one byte more does not',
      sent + 1,
      10,
      failed(status.RESOURCE_EXHAUSTED, `Attempted to send message with a size larger than ${sent}`),
    ],
    ['an answer at the limit passes', 10, received, length(received)],
    ['one byte more of an answer does not', 10, received + 1, receivedTooLarge(received + 1, received)],
    ['an answer far above it does not', 10, 2_000_000, receivedTooLarge(2_000_000, received)],
  ] as const)
    alike(
      `hold for each message: ${name}`,
      async (caller, stage) => ({
        outcome: await answered(caller, stage, sized(asked), sized(answer)),
        ...(await after(caller, stage)),
      }),
      { outcome: expected, ...next },
      over(scale, asked),
    );

  alike(
    'hold for each message, not for what is sent together',
    async ({ semantics }, { script }) => {
      script.ask = (message) => ({ ...message, text: 'x'.repeat(900) });
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, n) => semantics.ask({ n: n + 1, text: 'x'.repeat(400) })),
      );
      return answers.every(({ n, text }, i) => n === i + 1 && text!.length === 900);
    },
    true,
    over(scale, 0),
  );
});

describe('without limits of its own', () => {
  const MiB = 1024 * 1024;
  const { alike } = suiteOf({ clients: { wide: { channelOptions: { 'grpc.max_receive_message_length': 8 * MiB } } } });

  for (const bytes of [0, 1, 127, 128, 8191, 8192, 16_384, 65_535, 65_536, 65_537, MiB])
    alike(
      `a message of ${bytes} bytes goes there and back`,
      async ({ semantics }, { script }) => {
        const data = Buffer.alloc(bytes, 'abc');
        let same = false;
        script.ask = (message) => {
          same = data.equals(message.data ?? Buffer.alloc(0));
          return message;
        };
        const { data: back = Buffer.alloc(0) } = await semantics.ask({ data });
        return { there: same, back: data.equals(back) };
      },
      { there: true, back: true },
      bytes > 8000 ? 'any' : 'transport',
    );

  alike(
    'many messages of 64 KiB at once go there and back',
    async ({ semantics }, { script }) => {
      script.ask = (message) => message;
      const all = await Promise.all(
        Array.from({ length: 100 }, (_, n) => semantics.ask({ n: n + 1, data: Buffer.alloc(65_536, n) })),
      );
      return all.every(({ n, data }, i) => n === i + 1 && Buffer.alloc(65_536, i).equals(data!));
    },
    true,
    'any',
  );

  alike(
    'an answer above the default of 4 MiB passes only where the client says so',
    async (caller, { script }) => {
      const data = Buffer.alloc(5 * MiB);
      script.ask = () => ({ data });
      const refused = await outcomeOf(caller.semantics.ask({}));
      const { data: taken } = await caller.named('wide').semantics.ask({});
      return { refused, taken: taken!.length };
    },
    {
      refused: failed(status.RESOURCE_EXHAUSTED, 'Received message larger than max (5242885 vs 4194304)'),
      taken: 5 * MiB,
    },
    'any',
  );

  alike(
    'a request above the default of 4 MiB is refused',
    async ({ semantics }) => outcomeOf(semantics.ask({ data: Buffer.alloc(5 * MiB) })),
    failed(status.RESOURCE_EXHAUSTED, 'Received message larger than max (5242885 vs 4194304)'),
    'any',
  );
});
