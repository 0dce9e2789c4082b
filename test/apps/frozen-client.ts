/**
 * Connects to the server at `argv[2]`, says so on IPC, and is frozen by whoever started it; it has a stream and a call open,
 * unless `argv[3]` is idle.
 */
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { LIFE } from './life-contract.js';

const Client = makeGenericClientConstructor(LIFE, 'Life');
const client = new Client(process.argv[2]!, credentials.createInsecure());
const open = () => void process.send!('open');
if (process.argv[3] === 'idle') client.waitForReady(Date.now() + 10_000, open);
else {
  client['Hang']!({}, () => {});
  client['Feed']!({})
    .on('error', () => {})
    .once('data', open);
}
