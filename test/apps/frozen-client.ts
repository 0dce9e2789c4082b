/**
 * Connects to the server at `argv[2]`, says so on IPC, and is frozen by whoever started it; it has a stream and a call open,
 * or, where `argv[3]` is idle, one call behind it.
 */
import { credentials, makeGenericClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import { service as HEALTH } from 'grpc-health-check';
import { LIFE } from './life-contract.js';

const Client = makeGenericClientConstructor(LIFE, 'Life');
const client = new Client(process.argv[2]!, credentials.createInsecure());
const open = () => void process.send!('open');
if (process.argv[3] === 'idle') {
  const Health = makeGenericClientConstructor(HEALTH as ServiceDefinition, 'Health');
  new Health(process.argv[2]!, credentials.createInsecure())['Check']!({}, open);
} else {
  client['Hang']!({}, () => {});
  client['Feed']!({})
    .on('error', () => {})
    .once('data', open);
}
