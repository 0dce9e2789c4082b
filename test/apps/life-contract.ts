import type { MethodDefinition } from '@grpc/grpc-js';
import { defineService } from 'rookery';

const write = (value: object) => Buffer.from(JSON.stringify(value ?? {}));
const read = (bytes: Buffer) => JSON.parse(bytes.toString()) as object;

function method(rpc: string, requestStream: boolean, responseStream: boolean): MethodDefinition<object, object> {
  return {
    path: `/life.Life/${rpc}`,
    requestStream,
    responseStream,
    requestSerialize: write,
    requestDeserialize: read,
    responseSerialize: write,
    responseDeserialize: read,
  };
}

/** What a server is asked while it lives and stops; its messages are JSON. */
export const LIFE = {
  /** Answers once the server is deregistered, and a while after. */
  Linger: method('Linger', false, false),
  /** Never answers. */
  Hang: method('Hang', false, false),
  /** Throws once the server is deregistered. */
  Fail: method('Fail', false, false),
  /** Never ends; sends one message at once. */
  Feed: method('Feed', false, true),
  /** Answers each message, and never ends by itself. */
  Chat: method('Chat', true, true),
};

export const Life = defineService({ name: 'life', services: { Life: LIFE } });
