import type { Flags } from '../bench.js';
import { SUBJECTS, type Subject } from './subjects.js';
import { PAYLOADS, type Payload } from './workload.js';

export interface Cell {
  readonly concurrency: number;
  readonly payload: Payload;
  readonly instances: number;
}

/** All that is measured, in this order. */
export interface Plan {
  readonly subjects: readonly Subject[];
  readonly rounds: number;
  /** Of one run of one subject. */
  readonly ms: number;
  /** Of each subject, once it has been started. */
  readonly warmUpMs: number;
  readonly cells: readonly Cell[];
  /** Calls a second of the open loop. */
  readonly offered: readonly number[];
  /** Calls that are held for the memory; 0 = none. */
  readonly inFlight: number;
}

export const FLAGS = {
  subjects: `names, with commas between them: ${SUBJECTS.map(({ name }) => name).join(', ')}`,
  mode: 'closed, open, memory; default all',
  concurrency: 'callers of the closed loop; default 1,8,64,512',
  payload: `default ${PAYLOADS.join()}`,
  instances: 'default 1,4,32',
  offered: 'calls a second of the open loop; default 5000,20000,80000',
  'in-flight': 'held calls for the memory; default 10000',
  rounds: 'default 5',
  ms: 'of one run; default 500',
  'warm-up': 'of each subject before it is measured, ms; default 2000',
} as const;

const MODES = ['closed', 'open', 'memory'] as const;
const CONCURRENCIES = [1, 8, 64, 512];
/** Of these, only what shows the difference: the whole product would take an hour. */
const MANY = { instances: [4, 32], concurrencies: [64, 512], payloads: ['16B'] } as const;

/** Throws where a flag makes no sense. */
export function readPlan(flags: Flags): Plan {
  const modes = namesOf(flags, 'mode', MODES);
  const chosen = namesOf(
    flags,
    'subjects',
    SUBJECTS.map(({ name }) => name),
  );
  return {
    subjects: SUBJECTS.filter(({ name }) => chosen.includes(name)),
    rounds: numbersOf(flags, 'rounds', [5])[0]!,
    ms: numbersOf(flags, 'ms', [500])[0]!,
    warmUpMs: numbersOf(flags, 'warm-up', [2000])[0]!,
    cells: modes.includes('closed') ? cellsOf(flags) : [],
    offered: modes.includes('open') ? numbersOf(flags, 'offered', [5000, 20_000, 80_000]) : [],
    inFlight: modes.includes('memory') ? numbersOf(flags, 'in-flight', [10_000])[0]! : 0,
  };
}

/** What is named is measured in full; of what is left to us, many instances only with few payloads. */
function cellsOf(flags: Flags): Cell[] {
  const cells: Cell[] = [];
  for (const instances of numbersOf(flags, 'instances', [1, ...MANY.instances])) {
    const payloads = namesOf(flags, 'payload', PAYLOADS, instances > 1 ? MANY.payloads : PAYLOADS);
    const concurrencies = numbersOf(flags, 'concurrency', instances > 1 ? MANY.concurrencies : CONCURRENCIES);
    for (const payload of payloads)
      for (const concurrency of concurrencies) cells.push({ concurrency, payload, instances });
  }
  return cells;
}

function numbersOf(flags: Flags, flag: string, otherwise: readonly number[]): readonly number[] {
  const given = flags[flag];
  if (given === undefined) return otherwise;
  return given.split(',').map((text) => {
    if (!/^[1-9]\d{0,7}$/.test(text)) throw new Error(`--${flag} takes whole numbers above 0, not ${text}.`);
    return Number(text);
  });
}

function namesOf<Name extends string>(
  flags: Flags,
  flag: string,
  known: readonly Name[],
  otherwise: readonly Name[] = known,
): readonly Name[] {
  const given = flags[flag]?.split(',').map((name) => name.trim());
  const unknown = given?.find((name) => !known.some((one) => one === name));
  if (unknown !== undefined) throw new Error(`--${flag} takes ${known.join(', ')}, not ${unknown}.`);
  return given ? known.filter((name) => given.includes(name)) : otherwise;
}
