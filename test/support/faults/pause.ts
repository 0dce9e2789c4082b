import { setTimeout as sleep } from 'node:timers/promises';

/** The length of a fault, or of a time in which nothing must happen; whatever must happen is waited for by `eventually`. */
export function pause(ms: number): Promise<void> {
  return sleep(ms);
}
