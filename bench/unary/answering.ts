import type { Answered, Asked, Memory, Question, Questions } from './questions.js';

type Answers = {
  readonly [Q in Question]?: (argument: Questions[Q][0]) => Questions[Q][1] | Promise<Questions[Q][1]>;
};

/** In a program of the bench: answers what the bench asks, and tells it that the program is ready. */
export function answerQuestions(answers: Answers): void {
  process.on('message', (asked) => void answerOne(answers, asked as Asked));
  // Nobody is left who could stop it.
  process.once('disconnect', () => process.exit());
  process.send!({});
}

async function answerOne(answers: Answers, { id, question, argument }: Asked): Promise<void> {
  const answer = answers[question] as ((argument: unknown) => unknown) | undefined;
  const told: Answered = await Promise.resolve(argument)
    .then(answer ?? (() => Promise.reject(new Error(`it does not know ${question}`))))
    .then(
      (value) => ({ id, answer: value }),
      (error: unknown) => ({ id, error: error instanceof Error ? error.message : String(error) }),
    );
  process.send!(told);
}

/** After a collection, where the program may ask for one (`--expose-gc`). */
export function readMemory(): Memory {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss: rss / 2 ** 20, heap: (heapUsed + external) / 2 ** 20 };
}

/** A program that cannot start says why, and ends. */
export function runProgram(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
