import {
  credentials,
  makeGenericClientConstructor,
  Metadata,
  status,
  type InterceptingCall,
  type InterceptingListener,
  type Interceptor,
} from '@grpc/grpc-js';
import { afterAll, expect, it } from 'vitest';
import { createAsyncClient } from './async-client.js';

const pass = {
  requestSerialize: (text: string) => Buffer.from(text),
  requestDeserialize: String,
  responseSerialize: (text: string) => Buffer.from(text),
};
const method = { ...pass, responseDeserialize: String, requestStream: false };
const DEFINITION = {
  ask: { path: '/t.T/Ask', ...method, responseStream: false },
  list: { path: '/t.T/List', ...method, responseStream: true },
};

// Nobody listens there: what is tested here is not sent.
const raw = new (makeGenericClientConstructor(DEFINITION as never, 'T'))('127.0.0.1:1', credentials.createInsecure());
const client = createAsyncClient(raw, DEFINITION as never, { service: 'tests' });
afterAll(() => raw.close());

it('a call may be answered by an interceptor before it is made', async () => {
  const answering: Interceptor = () =>
    ({
      start: (_: Metadata, listener: InterceptingListener) => {
        listener.onReceiveMetadata(new Metadata());
        listener.onReceiveMessage('cached');
        listener.onReceiveStatus({ code: status.OK, details: '', metadata: new Metadata() });
      },
      sendMessage: () => {},
      halfClose: () => {},
      startRead: () => {},
      getPeer: () => 'nobody',
      getAuthContext: () => null,
    }) as unknown as InterceptingCall;
  await expect(client['ask']!('', { interceptors: [answering] })).resolves.toBe('cached');
});

it('a call is refused with a signal that is none', async () => {
  const signal = {} as AbortSignal;
  const refused = { code: 'ROOKERY_OPTION_INVALID', path: 'call of tests, options.signal' };
  await expect(client['ask']!('', { signal })).rejects.toMatchObject(refused);
  expect(() => client['list']!('', { signal })).toThrow(expect.objectContaining(refused));
});
