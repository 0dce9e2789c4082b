import { messageOf, RookeryError } from '../../core/errors.js';
import type { RegistrySteering } from '../../core/registry.js';
import { checkRouteChange, type GroupRoute } from '../../core/route.js';
import { LATE, within } from '../../core/time.js';
import type { EtcdContext } from './context.js';
import { diagnose } from './diagnosis.js';
import { closed } from './faults.js';
import { absent, get, keyValue, put, remove, unchanged, type KeyValue } from './requests.js';

/** How long a write may take in all, whichever hosts are asked, ms. */
const WRITE_MS = 5000;
/** Keys that belong to no server have no lease. */
const NO_LEASE = '0';
/** How often we look again at a route that somebody else writes at the same time. */
const TRIES = 5;

/** What operators write into etcd by our hand. Nobody waits for an etcd that is away: whoever asks is told. */
export class EtcdSteering implements RegistrySteering {
  /** Out of the sight of whoever prints the registry: the client's settings hold the password. */
  readonly #context: EtcdContext;
  readonly #isClosed: () => boolean;

  constructor(context: EtcdContext, isClosed: () => boolean) {
    this.#context = context;
    this.#isClosed = isClosed;
  }

  async setRoute(service: string, route: GroupRoute | undefined): Promise<void> {
    const checked = checkRouteChange(service, route);
    const { layout, name, time } = this.#context;
    if (this.#isClosed()) throw closed(name);
    const key = layout.routeKey(service);
    const text = checked && JSON.stringify(checked);
    let late = false;
    const write = this.#write(key, text, () => late);
    const answer = await within(time, WRITE_MS, write).catch((error: unknown) => {
      throw this.#isClosed() ? closed(name) : notWritten(this.#context, key, error);
    });
    if (answer !== LATE) return;
    late = true;
    throw notWritten(this.#context, key, new Error(`etcd did not answer within ${WRITE_MS} ms`));
  }

  /**
   * Whatever stands there is replaced, but by a write that names it: where a host is slow, another one is asked as well,
   * and what the slow one does late must not undo what came after. (Only where nothing stood there, and nothing does again
   * by then, can it be mistaken.)
   */
  async #write(key: string, text: string | undefined, late: () => boolean): Promise<void> {
    const { client } = this.#context;
    const { kvs } = await client.range({ key: Buffer.from(key) });
    let found = kvs.map(keyValue)[0];
    const request = text === undefined ? remove(key) : put(key, text, NO_LEASE);
    for (let tries = 0; tries < TRIES && !late() && !this.#isClosed(); tries += 1) {
      const compare = found ? unchanged(key, found.modRevision) : absent(key);
      const answer = await client.txn({ compare: [compare], success: [request], failure: [get(key)] });
      if (answer.succeeded) return;
      found = answer.responses[0]?.response_range.kvs.map(keyValue)[0];
      // Another host may have done it before this one was asked.
      if (stands(found, text)) return;
    }
    throw new Error('somebody else keeps writing it');
  }
}

function stands(found: KeyValue | undefined, text: string | undefined): boolean {
  return text === undefined ? !found : found?.lease === NO_LEASE && found.value.toString() === text;
}

/** A write that nobody answered may still have been done. */
function notWritten({ name, client }: EtcdContext, key: string, cause: unknown): RookeryError {
  const { code, remedy } = diagnose(messageOf(cause), { secure: name.startsWith('etcds:'), answered: client.answered });
  const text = messageOf(cause).replaceAll(/\s+/g, ' ');
  const what =
    code === 'ROOKERY_REGISTRY_REFUSED'
      ? `Whoever sets the route needs readwrite on ${key}. `
      : 'It is not tried again. ';
  return new RookeryError(code, {
    path: name,
    found: `${key} was not written: ${text}.`,
    remedy: what + remedy,
    cause,
  });
}
