/** A program of `servers/`, and how it is started. */
export interface ServerKind {
  readonly name: string;
  readonly program: string;
  readonly mux?: true;
  readonly nats?: true;
}

/** One way to make a unary call. */
export interface Subject {
  readonly name: string;
  readonly server: ServerKind;
  /** A program of `clients/`. */
  readonly client: string;
  /** Its client knows one address. */
  readonly oneInstance?: true;
  readonly roundRobin?: true;
}

const ROOKERY: ServerKind = { name: 'rookery', program: 'rookery' };
const ROOKERY_MUX: ServerKind = { ...ROOKERY, name: 'rookery-mux', mux: true };
const NEST: ServerKind = { name: 'nest', program: 'nest' };
const NEST_TCP: ServerKind = { name: 'nest-tcp', program: 'nest-tcp' };
const MOLECULER_TCP: ServerKind = { name: 'moleculer-tcp', program: 'moleculer' };
const MOLECULER_NATS: ServerKind = { name: 'moleculer-nats', program: 'moleculer', nats: true };

/** What all others are compared with. */
export const STOCK = 'nest';
/** What Rookery's plain calls are compared with: the same servers, and the same work of a client. */
export const ROUND_ROBIN = 'grpc-js round_robin';

export const SUBJECTS: readonly Subject[] = [
  { name: 'grpc-js', server: ROOKERY, client: 'grpc-js', oneInstance: true },
  { name: ROUND_ROBIN, server: ROOKERY, client: 'grpc-js', roundRobin: true },
  { name: STOCK, server: NEST, client: 'nest' },
  { name: 'nest-tcp', server: NEST_TCP, client: 'nest-tcp', oneInstance: true },
  { name: 'moleculer-tcp', server: MOLECULER_TCP, client: 'moleculer' },
  { name: 'moleculer-nats', server: MOLECULER_NATS, client: 'moleculer' },
  { name: 'rookery', server: ROOKERY, client: 'rookery' },
  { name: 'rookery-mux', server: ROOKERY_MUX, client: 'rookery' },
];
