import { isOurs, type Fleet } from './fleet.js';

/** How many servers there are. */
export const SERVERS = 4;

export interface ScheduleOptions {
  /** Restarts one after another, in the first part. */
  readonly restarts: number;
  /** Whether there were calls enough; until then, restarts go on. */
  readonly enough: () => boolean;
  /** Resolves when every client has had an answer from every server. */
  readonly settled: () => Promise<unknown>;
  readonly onPart: (part: string) => void;
}

/**
 * The same for everybody: restarts one after another, three of four at once, and every port again. Those whose addresses
 * are fixed restart on their ports in the first part, too; others start the new one first. A part begins when everybody is
 * connected: whoever reconnects slowly would lose every call in between, and nothing would be learned from it.
 */
export async function runSchedule(fleet: Fleet, options: ScheduleOptions): Promise<void> {
  const { restarts, enough, settled, onPart } = options;
  const oneByOne = isOurs(fleet.kind) ? replace : restart;
  onPart(`${restarts} restarts one after another`);
  await oneByOne(fleet, restarts);
  await settled();
  onPart(`${SERVERS - 1} of ${SERVERS} at once`);
  const ports = await Promise.all(fleet.names.slice(1).map((name) => fleet.stop(name)));
  await Promise.all(ports.map((port) => fleet.start(port)));
  await settled();
  onPart(`${SERVERS} restarts on the same ports`);
  await restart(fleet, SERVERS);
  if (!enough()) onPart('more restarts, until there are calls enough');
  while (!enough()) await oneByOne(fleet, 1);
  await settled();
}

/** Each new one listens before the oldest is stopped, which takes its time while the next one starts. */
async function replace(fleet: Fleet, times: number): Promise<void> {
  let stopping: Promise<unknown> = Promise.resolve();
  for (let i = 0; i < times; i += 1) {
    await fleet.start();
    await stopping;
    stopping = fleet.stop(fleet.names[0]!);
  }
  await stopping;
}

async function restart(fleet: Fleet, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1) await fleet.start(await fleet.stop(fleet.names[0]!));
}
