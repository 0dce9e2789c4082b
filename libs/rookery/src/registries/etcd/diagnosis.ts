import type { RookeryErrorCode } from '../../core/errors.js';

/** What kind of fault it is, and what to do about it, with a space behind it where there is something to do. */
export interface Diagnosis {
  readonly code: RookeryErrorCode;
  readonly remedy: string;
}

type Row = readonly [pattern: RegExp, remedy: string];

/** etcd answers, and refuses us: waiting alone does not help. */
const REFUSALS: readonly Row[] = [
  [
    /authentication is not enabled/,
    'This etcd has no authentication enabled: enable it, or leave the user and the password out.',
  ],
  [/user name is empty/, 'This etcd wants a user: set `username` and `password`, or write them into the URL.'],
  [/authentication failed/, 'Correct the user or the password.'],
  [
    /permission denied/,
    'Grant the user of a server readwrite, and that of a client read, on the keys of the service: see "etcd in production".',
  ],
];

/** One side does not take the other's certificate. */
const DISTRUST: readonly Row[] = [
  [
    /altnames|ALTNAME/,
    'TLS: the certificate of etcd is for other names than the host in `hosts`: name etcd as its certificate does, or have one made for this host.',
  ],
  [
    /certificate has expired|not yet valid/,
    'TLS: look at the dates of the certificate of etcd, and at the clock of this machine.',
  ],
  [
    /self[- ]signed|unable to (verify|get)|UNABLE_TO|unknown authority/i,
    'TLS: no authority that this process trusts has signed the certificate of etcd: set `tls.ca` to the one that has.',
  ],
  [
    /alert (bad|unsupported|unknown|expired|revoked)? ?(certificate|ca\b)|alert unknown ca|certificate required/i,
    'TLS: etcd wants a certificate of ours: set `tls.cert` and `tls.key` to one that an authority of its --trusted-ca-file has signed.',
  ],
];

/** What a connection says that was taken and ended. */
const HUNG_UP = /Failed to connect|ECONNRESET|socket hang up|Connection dropped|Protocol error/i;
const NO_TLS = /ECONNRESET|SSL|TLS|certificate|Last error: null/i;

export interface Acquaintance {
  /** Whether we speak TLS. */
  readonly secure: boolean;
  /** Whether etcd has ever answered us: what it speaks is what we speak. */
  readonly answered: boolean;
}

export function diagnose(message: string, { secure, answered }: Acquaintance): Diagnosis {
  const refusal = find(REFUSALS, message);
  if (refusal !== undefined) return { code: 'ROOKERY_REGISTRY_REFUSED', remedy: `${refusal} ` };
  const distrust = secure ? find(DISTRUST, message) : undefined;
  if (distrust !== undefined) return { code: 'ROOKERY_REGISTRY_UNTRUSTED', remedy: `${distrust} ` };
  return { code: 'ROOKERY_REGISTRY_UNREACHABLE', remedy: answered ? '' : hint(message, secure) };
}

function find(rows: readonly Row[], message: string): string | undefined {
  return rows.find(([pattern]) => pattern.test(message))?.[1];
}

/** A connection that ends at once may be one side's TLS meeting the other side's plain text, or a network that breaks. */
function hint(message: string, secure: boolean): string {
  if (secure && NO_TLS.test(message))
    return 'Check that etcd serves TLS there; where it does not, use http:// hosts and leave `tls` out. ';
  if (!secure && HUNG_UP.test(message))
    return 'Somebody answers there and hangs up: where etcd serves TLS, use https:// hosts, or set `tls`. ';
  return '';
}
