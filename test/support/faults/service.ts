/** The service of the fleet under faults. */
export const SERVICE = 'faulty';

const text = {
  requestSerialize: (value: string) => Buffer.from(value),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (value: string) => Buffer.from(value),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};

/** `Ask` answers with the id of the instance, `Follow` says it as often as the request asks for. */
export const FAULTY = {
  Ask: { path: '/faulty.Faulty/Ask', requestStream: false, responseStream: false, ...text },
  Follow: { path: '/faulty.Faulty/Follow', requestStream: false, responseStream: true, ...text },
} as const;
