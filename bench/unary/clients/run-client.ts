import { answerQuestions, readMemory, runProgram } from '../answering.js';
import type { Echo } from '../contract.js';
import { closedLoop } from '../load/closed-loop.js';
import { openLoop } from '../load/open-loop.js';
import { callOf, checkAnswer } from '../workload.js';

/** @param open resolves with the client when it can call; the addresses are for one that cannot find them */
export function runClient(open: (addresses: readonly string[]) => Promise<Echo>): void {
  runProgram(async () => {
    const client = await open((process.env['UNARY_ADDRESSES'] ?? '').split(','));
    let held: Promise<PromiseSettledResult<unknown>[]> = Promise.resolve([]);
    answerQuestions({
      memory: readMemory,
      async check(payload) {
        await checkAnswer(client, payload);
      },
      closed: (load) => closedLoop(callOf(client, load.payload), load),
      open: (load) => openLoop(callOf(client, load.payload), load),
      hold(calls) {
        const query = { count: 1 };
        held = Promise.allSettled(Array.from({ length: calls }, () => client.hold(query)));
      },
      held: async () => (await held).filter(({ status }) => status === 'rejected').length,
    });
  });
}
