import { performance } from 'node:perf_hooks';
import type { CallRecorded, EndRecorded, History, InstanceRecorded, InstanceStep } from './history.js';

/** Writes down what happens to a fleet, for `validate`. */
export interface Recorder {
  readonly history: History;
  /**
   * Records a call, and never rejects.
   * @param run makes the call, and resolves with the id of the instance that answered
   */
  call(service: string, run: () => Promise<string>): Promise<void>;
  step(service: string, id: string, step: InstanceStep): void;
  end(end: EndRecorded): void;
}

/** @param now monotonic ms; default that of this process */
export function createRecorder(now: () => number = () => performance.now()): Recorder {
  const calls: CallRecorded[] = [];
  const instances: InstanceRecorded[] = [];
  const ends: EndRecorded[] = [];
  return {
    history: { calls, instances, ends },
    async call(service, run) {
      const startedAt = now();
      try {
        const instance = await run();
        calls.push({ service, startedAt, endedAt: now(), instance });
      } catch (error) {
        calls.push({ service, startedAt, endedAt: now(), instance: instanceOf(error), error: String(error) });
      }
    },
    step: (service, id, step) => void instances.push({ service, id, step, at: now() }),
    end: (end) => void ends.push(end),
  };
}

/** Errors of our clients name the instance that was asked last. */
function instanceOf(error: unknown): string | undefined {
  const { instance } = (error ?? {}) as { readonly instance?: unknown };
  return typeof instance === 'string' ? instance : undefined;
}
