import { loadSync } from '@grpc/proto-loader';
import { defineService, type GrpcDefinition, type ServiceRef } from 'rookery';

/** As @grpc/proto-loader gives it by default: what is not set is absent, and 64 bits are an object of two halves. */
export interface Message {
  text?: string;
  n?: number;
  data?: Uint8Array;
  list?: string[];
  big?: number | string | object;
  huge?: number | string | object;
  real?: number;
  flag?: boolean;
  color?: number | string;
  counts?: Record<string, number>;
  inner?: Message;
  left?: string;
  right?: number;
  maybe?: number;
  signed?: number;
  single?: number;
  packed?: number[];
}

/** Its methods, as Promises. */
export interface Semantics {
  ask(message: Message): Promise<Message>;
  piped(message: Message): Promise<Message>;
  scoped(message: Message): Promise<Message>;
  clear(nothing: object): Promise<object>;
  missing(message: Message): Promise<Message>;
}

export interface Elsewhere {
  ask(message: Message): Promise<Message>;
}

export interface Contract {
  Semantics: Semantics;
  Elsewhere: Elsewhere;
}

export const PROTO = { package: 'semantics', protoPath: 'test/semantics/semantics.proto' } as const;
export const semantics: ServiceRef<Contract> = defineService<Contract>({ name: 'semantics', ...PROTO });

/** What a client sends in place of a message. */
export interface Bytes {
  readonly bytes: Buffer;
}

/** The same contract for a client that writes whatever bytes it is given, and reads no message but an empty one. */
export function inBytes(): ServiceRef {
  const Semantics = { ...(loadSync(PROTO.protoPath)['semantics.Semantics'] as GrpcDefinition) };
  for (const [name, method] of Object.entries(Semantics))
    Semantics[name] = {
      ...method,
      requestSerialize: ({ bytes }: Bytes) => bytes,
      responseDeserialize: (bytes: Buffer) => {
        if (bytes.length > 0) throw new Error(`${bytes.length} bytes are too many`);
        return {};
      },
    };
  return defineService({ name: 'semantics', services: { Semantics } });
}
