/** How the unary calls of a client travel. */
export interface Transport {
  readonly name: 'plain' | 'mux';
  /** Of the client's `RookeryModule.forRoot`. */
  readonly root: object;
}

/** Whether the option `mux` exists: with it, every case runs once more, and both must look alike. */
const MUX_IS_BUILT: boolean = false;

const PLAIN: Transport = { name: 'plain', root: {} };
const MUX: Transport = { name: 'mux', root: { mux: true } };

export const TRANSPORTS: readonly Transport[] = MUX_IS_BUILT ? [PLAIN, MUX] : [PLAIN];

/** Of the server's `RookeryModule.forRoot`: one server takes both. */
export const SERVER_ROOT: object = MUX_IS_BUILT ? MUX.root : {};

/** The stream that carries calls. */
export const MUX_PATH = '/rookery.mux.v1.Mux/Calls';
