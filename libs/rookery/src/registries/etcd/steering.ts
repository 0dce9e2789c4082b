import { messageOf, RookeryError } from '../../core/errors.js';
import type { RegistrySteering } from '../../core/registry.js';
import { checkRouteChange, type GroupRoute } from '../../core/route.js';
import { LATE, within } from '../../core/time.js';
import type { EtcdContext } from './context.js';
import { diagnose } from './diagnosis.js';
import { closed } from './faults.js';
import { put, remove } from './requests.js';

/** How long a write may take in all, whichever hosts are asked, ms. */
const WRITE_MS = 5000;
/** Keys that belong to no server have no lease. */
const NO_LEASE = '0';

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
    const { client, layout, time, name } = this.#context;
    if (this.#isClosed()) throw closed(name);
    const key = layout.routeKey(service);
    const request = checked ? put(key, JSON.stringify(checked), NO_LEASE) : remove(key);
    const write = client.txn({ compare: [], success: [request], failure: [] });
    const answer = await within(time, WRITE_MS, write).catch((error: unknown) => {
      throw this.#isClosed() ? closed(name) : notWritten(this.#context, key, error);
    });
    if (answer === LATE) throw notWritten(this.#context, key, new Error(`etcd did not answer within ${WRITE_MS} ms`));
  }
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
