import type { Http2Session } from 'node:http2';

/** A call of grpc-js, as far as its connection is behind it: each interceptor stands before the next one. */
interface Link {
  readonly nextCall?: Link;
  readonly stream?: { readonly session?: Http2Session };
}

interface Pings {
  /** It has not been asked for yet. */
  next?: Promise<void>;
  running?: Promise<void>;
}

const pings = new WeakMap<Http2Session, Pings>();

/**
 * Resolves when everything has arrived that the client of a call had sent before now: frames keep their order, so whatever
 * came before the answer to a ping is there with it. Where the connection is gone, at once.
 */
export function lastFrames(call: object): Promise<void> {
  const session = sessionOf(call);
  if (!session || session.destroyed) return Promise.resolve();
  let known = pings.get(session);
  if (!known) pings.set(session, (known = {}));
  // Node allows a few at a time: who comes while one runs shares the next one.
  return (known.next ??= (known.running ?? Promise.resolve()).then(() => start(session, known)));
}

function start(session: Http2Session, known: Pings): Promise<void> {
  delete known.next;
  const running = new Promise<void>((resolve) => {
    if (session.destroyed || !session.ping(() => resolve())) resolve();
  });
  return (known.running = running);
}

/** grpc-js shows the connection of a call to nobody; `test/e2e/half-uploads.spec.ts` notices where it hides it elsewhere. */
function sessionOf(call: object): Http2Session | undefined {
  let at = (call as { readonly call?: Link }).call;
  while (at && !at.stream) at = at.nextCall;
  return at?.stream?.session;
}
