import { Metadata, status } from '@grpc/grpc-js';
import { RpcException } from '@nestjs/microservices';
import { ANY_GROUP, UNGROUPED, withLane, type CallOptions } from 'rookery';
import { eventually } from 'rookery/testing';
import { beforeAll, describe, expect } from 'vitest';
import { Script } from './controller.js';
import { failed } from './expected.js';
import { outcomeOf, plain, type Plain } from './record.js';
import { observed, suiteOf, type Caller, type SemanticsStage } from './semantics.stage.js';

/** Who answers so many calls one after the other, as Promises and as Observables; the stage's own server says nothing. */
async function who({ semantics, observables }: Caller, options: CallOptions = {}, calls = 10): Promise<Plain> {
  const names = new Set<string>();
  for (let i = 0; i < calls; i += 1) {
    for (const outcome of [await outcomeOf(semantics.ask({}, options)), await observed(observables.ask({}, options))])
      names.add('answer' in outcome ? ((outcome.answer as { text?: string }).text ?? 'aside') : outcome.error.message);
  }
  return [...names].toSorted();
}

function named(name: string): Script {
  return Object.assign(new Script(), { ask: () => ({ text: name }) });
}

describe('groups and lanes', () => {
  const suite = suiteOf({
    client: {},
    clients: { 'of-canary': { group: 'canary' }, 'of-none': { group: 'none' } },
    server: { instance: { group: 'aside' } },
  });
  const { alike } = suite;
  beforeAll(async () => {
    await suite.stage.serve({}, named('ungrouped'));
    await suite.stage.serve({ instance: { weight: 0 } }, named('of no weight'));
    await suite.stage.serve({ instance: { group: 'canary' } }, named('canary'));
    await suite.stage.serve({ instance: { group: 'blue' } }, named('blue'));
  });

  const missing =
    "14 UNAVAILABLE: semantics: no usable instance in group 'none'; present: group 'aside' (1), ungrouped (2), group 'canary' (1), group 'blue' (1).";
  for (const [name, client, options, expected] of [
    ['nothing said', 'semantics', {}, ['ungrouped']],
    ['a group', 'semantics', { group: 'canary' }, ['canary']],
    ['the ungrouped', 'semantics', { group: UNGROUPED }, ['ungrouped']],
    ['groups in order', 'semantics', { group: ['none', 'blue', 'canary'] }, ['blue']],
    ['any', 'semantics', { group: ANY_GROUP }, ['aside', 'blue', 'canary', 'ungrouped']],
    ['a group that is not there', 'semantics', { group: 'none' }, [missing]],
    ['a client of a group', 'of-canary', {}, ['canary']],
    ['a client of a group, and another in the call', 'of-canary', { group: 'blue' }, ['blue']],
    [
      'a client of a group that is not there',
      'of-none',
      {},
      [`${missing} The option \`group\` of the client names these groups.`],
    ],
  ] as const)
    alike(
      `send a call where it belongs: ${name}`,
      (caller) => who(caller.named(client), options, name === 'any' ? 60 : 10),
      expected,
      expected[0]!.startsWith(missing) ? 'nothing' : 'transport',
    );

  alike(
    'say in the error what is missing',
    ({ semantics }) => outcomeOf(semantics.ask({}, { group: 'none' })),
    failed(status.UNAVAILABLE, missing.replace('14 UNAVAILABLE: ', ''), {
      reason: 'ROOKERY_GROUP_MISSING',
      instance: false,
      attempts: 0,
    }),
    'nothing',
  );

  for (const [lane, options, expected] of [
    ['canary', {}, ['canary']],
    ['elsewhere', {}, ['ungrouped']],
    ['canary', { group: 'blue' }, ['blue']],
  ] as const)
    alike(
      `lead the calls of the lane ${lane}${'group' in options ? ', unless the call names a group' : ''}`,
      (caller) => withLane(lane, () => who(caller, options)),
      expected,
    );

  alike(
    'of a client that `with` has made hold for its calls',
    async ({ client }) => {
      const blue = client.with({ group: 'blue', timeoutMs: 1000 });
      return [
        await outcomeOf(blue.getAsyncService('Semantics').ask({})),
        await outcomeOf(blue.getAsyncService('Semantics').ask({}, { group: 'canary' })),
      ];
    },
    [{ answer: { text: 'blue' } }, { answer: { text: 'canary' } }],
  );

  for (const [name, options, message] of [
    ['a group that is none', { group: 'a b' }, /group/],
    ['a misspelt option', { grup: 'canary' }, /there is no such option. Did you mean `group`\?/],
    ['a lane as an option', { lane: 'canary' }, /withLane/],
  ] as const)
    alike(
      `are not guessed: ${name}`,
      async (caller) => (await who(caller, options as CallOptions, 1)) as string[],
      [expectText(message)],
      'nothing',
    );
});

/** Matches the one text in which both facades say it. */
function expectText(pattern: RegExp): { asymmetricMatch(text: unknown): boolean } {
  return { asymmetricMatch: (text) => pattern.test(String(text)) };
}

describe('a client that picks by key', () => {
  const suite = suiteOf({ client: { balancer: 'consistent-hash' }, server: { instance: { group: 'aside' } } });
  const { alike } = suite;
  beforeAll(() => Promise.all(['a', 'b', 'c'].map((name) => suite.stage.serve({}, named(name)))));

  alike(
    'sends the calls of a key to one instance, and those of many keys to all',
    async (caller) => {
      // They connect one after the other, and whoever is not connected owns nothing yet.
      await eventually(async () => {
        const names = await Promise.all(Array.from({ length: 40 }, (_, i) => who(caller, { hashKey: `key-${i}` }, 1)));
        expect(new Set(names.flat()).size).toBe(3);
      });
      const owners = await Promise.all(
        Array.from({ length: 40 }, async (_, i) => (await who(caller, { hashKey: `key-${i}` }, 3)) as string[]),
      );
      return { alone: owners.every(({ length }) => length === 1), all: [...new Set(owners.flat())].toSorted() };
    },
    { alone: true, all: ['a', 'b', 'c'] },
  );

  alike(
    'refuses a call without one',
    ({ semantics }) => outcomeOf(semantics.ask({})),
    failed(
      status.INVALID_ARGUMENT,
      'semantics: the call has no key, and its client picks by one. Set `hashKey` for the call.',
      {
        reason: 'ROOKERY_HASH_KEY_MISSING',
        instance: false,
        attempts: 0,
      },
    ),
    'nothing',
  );
});

describe('a call that fails', () => {
  const unavailable = () => {
    throw new RpcException({ code: status.UNAVAILABLE, message: 'busy' });
  };
  const suite = suiteOf();
  const { alike } = suite;
  const other = new Script();
  beforeAll(async () => void (await suite.stage.serve({}, other)));

  /** Its client is connected to both: whoever has nobody else to send a call to does not send it again. */
  const connected = async ({ semantics }: Caller, { script }: SemanticsStage) => {
    const asked = new Set<Script>();
    for (const one of [script, other]) one.ask = () => (asked.add(one), {});
    await eventually(async () => {
      await semantics.ask({});
      expect(asked.size).toBe(2);
    });
  };

  /** How often the two were asked, and what the handlers saw that is no user's own. */
  const counting = (script: Script, answers: (asked: number) => unknown) => {
    const attempts: Plain[] = [];
    script.ask = other.ask = (_, metadata) => {
      attempts.push(plain(metadata.get('grpc-previous-rpc-attempts')));
      return answers(attempts.length);
    };
    return attempts;
  };

  for (const [name, options, answers, expected] of [
    ['is not sent again', {}, unavailable, { outcome: failed(status.UNAVAILABLE, 'busy'), attempts: [[]] }],
    [
      'is sent again, to another, where it is idempotent',
      { idempotent: true },
      (asked: number) => (asked === 1 ? unavailable() : { text: 'second' }),
      { outcome: { answer: { text: 'second' } }, attempts: [[], ['1']] },
    ],
    [
      'is sent again as often as there is somebody else',
      { idempotent: true },
      unavailable,
      {
        outcome: failed(status.UNAVAILABLE, 'busy', { attempts: 2, metadata: { 'grpc-previous-rpc-attempts': ['2'] } }),
        attempts: [[], ['1']],
      },
    ],
    [
      'is not sent again for another code',
      { idempotent: true },
      () => {
        throw new RpcException({ code: status.ABORTED, message: 'no' });
      },
      { outcome: failed(status.ABORTED, 'no'), attempts: [[]] },
    ],
  ] as const)
    alike(
      name,
      async (caller, stage) => {
        await connected(caller, stage);
        const attempts = counting(stage.script, answers);
        return { outcome: await outcomeOf(caller.semantics.ask({}, options)), attempts };
      },
      expected,
      // What is sent again goes by itself.
      options.idempotent ? 'any' : 'transport',
    );

  alike(
    'and is sent again brings the metadata of its caller each time',
    async ({ semantics }, { script }) => {
      const all: Plain[] = [];
      script.ask = other.ask = (_, metadata) => {
        all.push(plain(metadata.get('x-a')));
        metadata.set('x-a', 'changed');
        return all.length === 1 ? unavailable() : {};
      };
      const metadata = new Metadata();
      metadata.set('x-a', '1');
      await semantics.ask({}, { idempotent: true, metadata });
      return { all, metadata };
    },
    { all: [['1'], ['1']], metadata: { 'x-a': ['1'] } },
    'any',
  );
});

describe('a server that stops', () => {
  const { alike } = suiteOf();

  alike(
    'lets what it has end, or ends it when that takes too long, and its handler hears of it',
    async ({ semantics, transport }, stage) => {
      const outcomes: unknown[] = [];
      for (const drainMs of [10_000, 50]) {
        const script = new Script();
        const heard: Plain[] = [];
        let answer: ((message: object) => void) | undefined;
        const group = `stops-in-${drainMs}`;
        const { app } = await stage.serve({ instance: { group }, stop: { drainMs } }, script);
        script.ask = () => ({});
        await semantics.ask({}, { group, waitForReady: true });
        script.ask = (_, __, call) => {
          call.once('cancelled', () => heard.push(answer ? 'cancelled' : 'over'));
          return new Promise((resolve) => (answer = resolve));
        };
        let outcome!: ReturnType<typeof outcomeOf>;
        // The one before it had to wait, and went by itself.
        const went = await stage.wentOver(async () => {
          outcome = outcomeOf(semantics.ask({}, { group }));
          await eventually(() => expect(answer).toBeDefined());
        });
        expect(went).toBe(transport.name);
        const closed = app.close();
        if (drainMs > 1000) {
          answer!({ text: 'done' });
          answer = undefined;
        }
        outcomes.push(await outcome);
        await closed;
        await eventually(() => expect(heard).toHaveLength(1));
        outcomes.push(...heard);
      }
      return outcomes;
    },
    [{ answer: { text: 'done' } }, 'over', failed(status.UNAVAILABLE, 'the server stops'), 'cancelled'],
    'any',
  );
});
