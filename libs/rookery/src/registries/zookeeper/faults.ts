import { messageOf, RookeryError, type RookeryErrorCode } from '../../core/errors.js';
import { HungUp } from './connection.js';
import type { ZooKeeperContext } from './context.js';
import { isFault } from './protocol.js';

interface Diagnosis {
  readonly code: RookeryErrorCode;
  /** With a space behind it where there is something to do. */
  readonly remedy: string;
}

/** ZooKeeper answers, and refuses us: waiting alone does not help. */
const REFUSALS: Readonly<Record<string, string>> = {
  NoAuth:
    'Set `username` and `password` to the ones that created what is there, or give them the rights to it: see "zookeeper" in the reference of registries.',
  AuthFailed: 'This ZooKeeper does not take `username` and `password` of the scheme digest.',
  InvalidACL: 'This ZooKeeper does not take entries that are open to everybody: set `username` and `password`.',
  SessionClosedRequireSASLAuth: 'This ZooKeeper wants SASL, which Rookery does not speak.',
  Unimplemented: 'ZooKeeper 3.6 or newer is needed.',
  NoChildrenForEphemerals: 'A part of the prefix is an ephemeral node: name another prefix.',
  QuotaExceeded: 'Raise the quota of the prefix.',
};

const DISTRUST: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [
    /altnames|ALTNAME/,
    'TLS: the certificate of ZooKeeper is for other names than the one in `hosts`: name ZooKeeper as its certificate does.',
  ],
  [
    /certificate has expired|not yet valid/,
    'TLS: look at the dates of the certificate of ZooKeeper, and at the clock of this machine.',
  ],
  [
    /self[- ]signed|unable to (verify|get)|UNABLE_TO|unknown authority/i,
    'TLS: no authority that this process trusts has signed the certificate of ZooKeeper: set `tls.ca` to the one that has.',
  ],
  [
    /alert (bad|unsupported|unknown|expired|revoked)? ?(certificate|ca\b)|certificate required/i,
    'TLS: ZooKeeper wants a certificate of ours: set `tls.cert` and `tls.key` to one that its trust store knows.',
  ],
];

function diagnose({ secure, dialer }: ZooKeeperContext, error: unknown): Diagnosis {
  const refusal = Object.entries(REFUSALS).find(([fault]) => isFault(error, fault))?.[1];
  if (refusal !== undefined) return { code: 'ROOKERY_REGISTRY_REFUSED', remedy: `${refusal} ` };
  const text = messageOf(error);
  const distrust = secure ? DISTRUST.find(([pattern]) => pattern.test(text))?.[1] : undefined;
  if (distrust !== undefined) return { code: 'ROOKERY_REGISTRY_UNTRUSTED', remedy: `${distrust} ` };
  return { code: 'ROOKERY_REGISTRY_UNREACHABLE', remedy: dialer.answered ? '' : hint(error, text, secure) };
}

/** What it may be where nobody has ever answered. */
function hint(error: unknown, text: string, secure: boolean): string {
  if (secure && /SSL|TLS|ECONNRESET|disconnected before secure/i.test(text))
    return 'Check that ZooKeeper serves TLS there (secureClientPort); where it does not, leave `tls` out. ';
  if (!secure && (error instanceof HungUp || /does not speak/.test(text)))
    return 'Somebody answers there and hangs up: set `tls` where it is the secureClientPort, and look at maxClientCnxns. ';
  return '';
}

/** As one sentence: what OpenSSL says ends with a line of its own. */
function textOf(error: unknown): string {
  return `${messageOf(error)
    .replace(/\s+/g, ' ')
    .replace(/[\s.]+$/, '')}.`;
}

/** Whatever went wrong on the way to ZooKeeper, as the error that users know. */
export function unreachable(context: ZooKeeperContext, cause: unknown, remedy?: string): RookeryError {
  if (cause instanceof RookeryError) return cause;
  const { code, remedy: advice } = diagnose(context, cause);
  return new RookeryError(code, {
    path: context.name,
    found: textOf(cause),
    remedy: remedy ?? `${advice}Trying again.`,
    cause,
  });
}

/** An operator's write that was not done, or that nobody answered, in which case it may still have been done. */
export function notWritten(context: ZooKeeperContext, path: string, cause: unknown): RookeryError {
  const { code, remedy } = diagnose(context, cause);
  return new RookeryError(code, {
    path: context.name,
    found: `${path} was not written: ${textOf(cause)}`,
    remedy: `${remedy}It is not tried again.`,
    cause,
  });
}

export function closed(registry: string): RookeryError {
  return new RookeryError('ROOKERY_REGISTRY_CLOSED', {
    path: registry,
    found: 'the registry was closed.',
    remedy: 'Make a new one.',
  });
}
