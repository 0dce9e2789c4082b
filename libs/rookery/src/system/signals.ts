import { constants } from 'node:os';
import { shared } from './shared.js';

type Listener = (signal: NodeJS.Signals) => void;

interface Heard {
  readonly listeners: Set<Listener>;
  readonly hear: Listener;
  /** How often each is about to be raised by this process itself. */
  readonly own: Map<NodeJS.Signals, number>;
  readonly attach: (event: string | symbol, listener?: unknown) => void;
}

/** The signals that ask a process to end. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

const heard = shared<Heard>('signals', () => {
  const listeners = new Set<Listener>();
  const own = new Map<NodeJS.Signals, number>();
  const hear: Listener = (signal) => {
    const expected = own.get(signal) ?? 0;
    if (expected === 0) return listeners.forEach((listener) => listener(signal));
    own.set(signal, expected - 1);
    // Whoever raised it means to end the process, and it would but for this listener.
    if (process.listenerCount(signal) === 1) endBy(signal);
  };
  const attach: Heard['attach'] = (event, listener) => {
    const signal = SIGNALS.find((one) => one === event);
    // First, so that whoever listens `once` is still there to be counted, and acts after us.
    if (signal && listener !== hear && !process.listeners(signal).includes(hear)) process.prependListener(signal, hear);
  };
  return { listeners, hear, own, attach };
});

/**
 * Hears the signals that somebody else handles, be it already or later. A signal that nobody handles ends the process, and
 * a listener of ours would take that away.
 */
export function onEndSignal(listener: Listener): Disposable {
  if (heard.listeners.size === 0) process.on('newListener', heard.attach);
  heard.listeners.add(listener);
  for (const signal of SIGNALS) if (process.listenerCount(signal) > 0) heard.attach(signal);
  return { [Symbol.dispose]: () => forget(listener) };
}

/**
 * Says that this process is about to raise a signal of its own, as Nest does when an application has ended: other
 * applications of the process are asked for nothing by that.
 */
export function expectOwnSignal(signal: string): void {
  const known = SIGNALS.find((one) => one === signal);
  if (known && heard.listeners.size > 0) heard.own.set(known, (heard.own.get(known) ?? 0) + 1);
}

/** The first process of a container, which no signal ends unless it wants to. */
const INIT = 1;

/** Ends the process as the signal does where nobody handles it. */
export function endBy(signal: NodeJS.Signals): void {
  // What a shell says of a process that a signal has ended.
  if (process.pid === INIT) process.exit(128 + constants.signals[signal]);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

function forget(listener: Listener): void {
  if (!heard.listeners.delete(listener) || heard.listeners.size > 0) return;
  process.removeListener('newListener', heard.attach);
  for (const signal of SIGNALS) process.removeListener(signal, heard.hear);
  heard.own.clear();
}
