/** How the unary calls of a client travel. */
export interface Transport {
  readonly name: 'plain' | 'mux';
  /** Of the client's `RookeryModule.forRoot`. */
  readonly root: object;
}

const PLAIN: Transport = { name: 'plain', root: {} };
const MUX: Transport = { name: 'mux', root: { mux: true } };

/** Every case runs over each, and must look alike. */
export const TRANSPORTS: readonly Transport[] = [PLAIN, MUX];

/** Of the server's `RookeryModule.forRoot`: one server takes both. */
export const SERVER_ROOT: object = MUX.root;

/** The stream that carries calls. */
export const MUX_PATH = '/rookery.mux.v1.Mux/Calls';
