/**
 * A plain gRPC server as a process, for those who kill it: it writes down every call that reaches its handler before it
 * does anything else, works for a moment, and answers. Says its port on IPC.
 */
import { appendFileSync } from 'node:fs';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { LEDGER } from './ledger.js';

const [ledger = ''] = process.argv.slice(2);
const WORK_MS = 10;

const server = new Server();
server.addService(LEDGER, {
  Enter: ({ request }: ServerUnaryCall<string, string>, done: sendUnaryData<string>) => {
    appendFileSync(ledger, `${request}\n`);
    setTimeout(() => done(null, request), Math.random() * WORK_MS);
  },
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send!(port);
});
