/** Opens a stream of the server at `argv[2]` and a call of it, says so on IPC, and is frozen by whoever started it. */
import { credentials, makeGenericClientConstructor } from '@grpc/grpc-js';
import { LIFE } from './life-contract.js';

const Client = makeGenericClientConstructor(LIFE, 'Life');
const client = new Client(process.argv[2]!, credentials.createInsecure());
client['Hang']!({}, () => {});
client['Feed']!({})
  .on('error', () => {})
  .once('data', () => process.send!('open'));
