/** Connects to the server at `argv[2]` and calls nothing, says so on IPC, and is frozen by whoever started it. */
import { Client, credentials } from '@grpc/grpc-js';

const client = new Client(process.argv[2]!, credentials.createInsecure());
client.waitForReady(Date.now() + 10_000, (error) => {
  if (error) throw error;
  process.send!('connected');
});
