import { shared } from './shared.js';

type Listener = (signal: NodeJS.Signals) => void;

interface Heard {
  readonly listeners: Set<Listener>;
  readonly hear: Listener;
}

/** The signals that ask a process to end. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

const heard = shared<Heard>('signals', () => {
  const listeners = new Set<Listener>();
  return { listeners, hear: (signal) => listeners.forEach((listener) => listener(signal)) };
});

/**
 * Hears the signals that somebody else handles already. A signal that nobody handles ends the process, and a listener of
 * ours would take that away.
 */
export function onEndSignal(listener: Listener): Disposable {
  heard.listeners.add(listener);
  for (const signal of SIGNALS) {
    // First, so that whoever listens `once` is still there to be counted, and acts after us.
    if (process.listenerCount(signal) > 0 && !process.listeners(signal).includes(heard.hear))
      process.prependListener(signal, heard.hear);
  }
  return {
    [Symbol.dispose]: () => {
      heard.listeners.delete(listener);
      if (heard.listeners.size === 0) for (const signal of SIGNALS) process.removeListener(signal, heard.hear);
    },
  };
}

/** Ends the process as the signal does where nobody handles it. */
export function endBy(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
