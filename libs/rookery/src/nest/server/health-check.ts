import { messageOf } from '../../core/errors.js';
import { LATE, pause, within, type Time } from '../../core/time.js';

/** Says that a server can do its work: anything but `false` or an error does. The signal aborts when it is given up. */
export type HealthCheck = (signal: AbortSignal) => unknown;

/** How soon a check that failed is asked again, ms. */
const RETRY_MS = 1000;

export interface HealthCheckOptions {
  readonly check: HealthCheck;
  /** Between two questions, ms; an answer that takes longer is none. */
  readonly intervalMs: number;
  readonly time: Time;
  readonly signal: AbortSignal;
  /** Hears the first answer and every other one that differs; `problem` where it is not healthy. */
  readonly onChange: (problem: string | undefined) => void;
}

/** Asks again and again, until the signal aborts. */
export async function followHealth({ check, intervalMs, time, signal, onChange }: HealthCheckOptions): Promise<void> {
  let healthy: boolean | undefined;
  while (!signal.aborted) {
    const problem = await ask(check, time, intervalMs);
    if (signal.aborted) return;
    if (healthy !== (problem === undefined)) onChange(problem);
    healthy = problem === undefined;
    await pause(time, healthy ? intervalMs : Math.min(intervalMs, RETRY_MS), signal);
  }
}

/** What is wrong, if anything. */
async function ask(check: HealthCheck, time: Time, ms: number): Promise<string | undefined> {
  const limit = new AbortController();
  try {
    const answer = await within(
      time,
      ms,
      Promise.resolve().then(() => check(limit.signal)),
    );
    if (answer === LATE) return `no answer in ${ms} ms`;
    return answer === false ? 'the check says false' : undefined;
  } catch (error) {
    return messageOf(error);
  } finally {
    limit.abort();
  }
}
