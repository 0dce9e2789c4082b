import { startGreeter } from './start.js';

await startGreeter(process.env['NAME'] ?? String(process.pid));
