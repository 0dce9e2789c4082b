import type { Items, Query, Text } from './contract.js';
import type { Served } from './questions.js';
import { itemsOf } from './workload.js';

let calls = 0;
let held = 0;
let waiting: ((answer: Text) => void)[] = [];

/** What every handler does, however it is called. */
export const handlers = {
  echo(message: Text): Text {
    calls += 1;
    return message;
  },
  list({ count }: Query): Items {
    calls += 1;
    return itemsOf(count);
  },
  hold(): Promise<Text> {
    held += 1;
    return new Promise((resolve) => waiting.push(resolve));
  },
};

export function readServed(): Served {
  const { user, system } = process.cpuUsage();
  return { calls, held, cpuUs: user + system };
}

/** Answers the calls that are held. */
export function release(): undefined {
  for (const answer of waiting) answer({ text: '' });
  waiting = [];
  held = 0;
}
