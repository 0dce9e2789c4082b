import { fakeTime } from 'rookery/testing';
import { describe, expect, it } from 'vitest';
import { OK, Server, UNAVAILABLE, WORKERS, type Job } from './server.js';

function stage() {
  const time = fakeTime();
  const server = new Server('a:1', time);
  const answers: string[] = [];
  const take = (name: string, workMs: number, job: Partial<Job> = {}) =>
    server.take({
      workMs,
      abandoned: () => false,
      answer: (code) => void answers.push(`${name} ${code} at ${time.now()}`),
      ...job,
    });
  const fill = (workMs: number) => {
    for (let i = 0; i < WORKERS; i += 1) take(`busy`, workMs, { answer: () => {} });
  };
  return { time, server, answers, take, fill };
}

describe('Server', () => {
  it('works on as many calls as it has workers, and the others wait in order', () => {
    const { time, answers, take, fill } = stage();
    take('first', 30);
    fill(10);
    take('second', 5);
    time.advance(100);
    // One worker has the first; of those that came then, the last one waited.
    expect(answers).toEqual([`second ${OK} at 15`, `first ${OK} at 30`]);
  });

  it('takes its slowness times as long', () => {
    const { time, server, answers, take } = stage();
    server.slowness = 10;
    take('a', 10);
    time.advance(1000);
    expect(answers).toEqual([`a ${OK} at 100`]);
  });

  it('passes over a call that nobody waits for when its turn comes', () => {
    const { time, answers, take, fill } = stage();
    fill(10);
    take('late', 50, { abandoned: () => true });
    take('next', 5);
    time.advance(100);
    expect(answers).toEqual([`next ${OK} at 15`]);
  });

  it('refuses at once while it fails, and says nothing while it is silent', () => {
    const { time, server, answers, take } = stage();
    take('lost', 10);
    server.silent = true;
    take('unheard', 10);
    time.advance(20);
    server.silent = false;
    server.failing = true;
    take('refused', 10);
    time.advance(1);
    expect(answers).toEqual([`refused ${UNAVAILABLE} at 20.2`]);
    expect(server.ran).toBe(3);
  });
});
