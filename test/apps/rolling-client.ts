/**
 * A client as a process: `ROLLING_CLIENT` (rookery, rookery-mux, stock; each with `-retries-off`, too) says of which kind, `ROLLING_TARGET`
 * the addresses for one that cannot find them; with `ROLLING_LONG` some streams last for seconds. Calls until it is told to stop, and reports by IPC.
 */
import { seededRandom } from 'rookery/testing';
import type { ClientKind } from '../support/rolling/report.js';
import { Callers } from './rolling-callers.js';
import { makeCalls } from './rolling-calls.js';

const REPORT_MS = 200;

const { ROLLING_CLIENT = 'rookery', ROLLING_TARGET = '', ROLLING_SEED = '1', ROLLING_LONG } = process.env;

async function main(): Promise<void> {
  await using calls = await makeCalls(ROLLING_CLIENT as ClientKind, ROLLING_TARGET);
  const callers = new Callers(calls, seededRandom(Number(ROLLING_SEED)), Boolean(ROLLING_LONG));
  process.once('message', () => callers.stop());
  const reporting = setInterval(() => process.send!(callers.report(false)), REPORT_MS);
  await callers.run();
  clearInterval(reporting);
  process.send!(callers.report(true), () => process.disconnect());
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
