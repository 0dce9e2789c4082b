import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Time } from '../../core/time.js';
import type { Certificates } from '../certificates.js';

export interface Address {
  readonly host: string;
  readonly port: number;
}
export type Wire = Socket | TLSSocket;

interface Patience {
  readonly time: Time;
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** A socket that is connected, and trusted where it is TLS. */
export function openSocket(address: Address, tls: Certificates | undefined, patience: Patience): Promise<Wire> {
  const { time, ms, signal } = patience;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error('nobody waits for ZooKeeper any more'));
    const wire = tls ? connectTls({ ...address, ...tls }) : connectTcp({ ...address, noDelay: true });
    const timer = time.after(ms, () => fail(new Error(`no connection within ${Math.round(ms)} ms`)));
    signal.addEventListener('abort', abort, { once: true });
    wire.once('error', fail);
    wire.once(tls ? 'secureConnect' : 'connect', () => {
      settle();
      wire.off('error', fail);
      resolve(wire);
    });
    function settle() {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', abort);
    }
    function abort() {
      fail(new Error('nobody waits for ZooKeeper any more'));
    }
    function fail(error: Error) {
      settle();
      // What else goes wrong with it is nobody's business any more.
      wire.on('error', () => {});
      wire.destroy();
      reject(reasonOfSocket(error));
    }
  });
}

/** A name with several addresses fails with all of their errors, and no text of its own. */
export function reasonOfSocket(error: Error): Error {
  if (!(error instanceof AggregateError) || error.message !== '') return error;
  const texts = error.errors.map((one) => (one instanceof Error ? one.message : String(one)));
  return new Error([...new Set(texts)].join('; '), { cause: error });
}
