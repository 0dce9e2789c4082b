import { answerQuestions, readMemory, runProgram } from '../answering.js';
import { handlers, readServed, release } from '../handlers.js';

/** @param start resolves when the server listens on 127.0.0.1 and this port */
export function serve(start: (port: number) => Promise<unknown>): void {
  runProgram(async () => {
    await start(Number(process.env['UNARY_PORT']));
    answerQuestions({ served: readServed, release, memory: readMemory });
  });
}

export { handlers };
