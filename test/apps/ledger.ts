const text = {
  requestSerialize: (value: string) => Buffer.from(value),
  requestDeserialize: (bytes: Buffer) => bytes.toString(),
  responseSerialize: (value: string) => Buffer.from(value),
  responseDeserialize: (bytes: Buffer) => bytes.toString(),
};

/** Takes the name of a call, and gives it back once it is written down. */
export const LEDGER = {
  Enter: { path: '/ledger.Ledger/Enter', requestStream: false, responseStream: false, ...text },
} as const;
