import { Ledger } from './ledger.js';
import type { OpenLoad, OpenReport } from './report.js';

/** Of what is offered: more without an answer at the end, and the subject has not kept up. */
const KEPT_UP = 0.1;
/** More than this share and this many without an answer, and there is nothing left to find out. */
const HOPELESS = { share: 0.15, calls: 1000 };
/** Of the time that the calls should take. */
const TOO_LATE = 1.5;

/**
 * Latency counts from the instant for which a call was due, so a client that comes too late cannot hide it. The client spins,
 * since timers are too coarse: its CPU says nothing here.
 */
export async function openLoop(
  call: () => Promise<unknown>,
  { perSecond, ms }: Pick<OpenLoad, 'perSecond' | 'ms'>,
): Promise<OpenReport> {
  const periodMs = 1000 / perSecond;
  const total = Math.floor(ms / periodMs);
  const ledger = new Ledger();
  const hopeless = Math.max(HOPELESS.share * total, HOPELESS.calls);
  let open = 0;
  let onSettled = () => {};
  const settle = () => {
    open -= 1;
    onSettled();
  };
  const begin = (due: number) => {
    open += 1;
    call()
      .then(
        () => ledger.note(performance.now() - due),
        (error: unknown) => ledger.noteFailure(error),
      )
      .then(settle, settle);
  };
  const sent = await offer(ledger.startedAt, periodMs, total, begin, () => open > hopeless);
  const keptUp = sent === total && open <= KEPT_UP * total;
  await new Promise<void>((resolve) => {
    onSettled = () => open === 0 && resolve();
    onSettled();
  });
  return { ...ledger.report(), keptUp };
}

/** Resolves with how many were begun: the first is due at once, the n-th n - 1 periods later. */
function offer(
  start: number,
  periodMs: number,
  total: number,
  begin: (due: number) => void,
  isHopeless: () => boolean,
): Promise<number> {
  const tooLate = start + TOO_LATE * total * periodMs;
  let sent = 0;
  return new Promise((resolve) => {
    const turn = () => {
      const now = performance.now();
      for (; sent < total && start + sent * periodMs <= now && !isHopeless(); sent += 1) begin(start + sent * periodMs);
      if (sent === total || isHopeless() || now > tooLate) resolve(sent);
      else setImmediate(turn);
    };
    turn();
  });
}
