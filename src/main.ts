/** `npm start`: a fleet of real Nest gRPC services, a client that calls them, and a live table of both. */
import { createDirectory } from 'rookery/grpc';
import { defaultRegistry } from 'rookery/registries';
import { Orders, Users } from './contracts.js';
import { Fleet } from './fleet.js';
import { drawTable } from './table.js';

const { isTTY } = process.stdout;
const SERVICES = [Users.name, Orders.name];

async function main(): Promise<void> {
  // The embedded registry gets a corner of its own, apart from what the user may run.
  if (!process.env['ROOKERY_REGISTRY']) process.env['ROOKERY_NAMESPACE'] ??= 'demo';
  const registry = defaultRegistry(process.env);
  const directory = createDirectory(registry);
  const notes: string[] = [];
  const fleet = new Fleet((note) => notes.splice(0, notes.length - 2, note));
  let answered: Record<string, number> = {};
  let failed = 0;
  const instances = () =>
    SERVICES.map((service) => directory.view(service)).flatMap((view) =>
      view.status === 'known' ? [...view.instances.values()] : [],
    );
  // The client starts when everybody is there: before that, it would be right to fail its calls.
  let calling = false;
  const callWhenComplete = () => {
    if (calling || instances().length < fleet.size) return;
    calling = true;
    fleet.startCaller((report) => {
      for (const [name, calls] of Object.entries(report.answered)) answered[name] = (answered[name] ?? 0) + calls;
      failed += report.failed;
    });
  };
  for (const service of SERVICES) directory.subscribe(service, callWhenComplete);
  const draw = () => {
    const table = drawTable({ registry: registry.name, instances: instances(), answered, failed, notes });
    console.log(isTTY ? `\x1b[2J\x1b[H${table}\n\nCtrl-C stops the fleet.` : `${table}\n`);
    answered = {};
  };
  console.log(`Rookery: starting the demo fleet on ${registry.name} (Ctrl-C stops it) …`);
  fleet.startServices();
  const drawing = setInterval(draw, isTTY ? 500 : 2000);
  await stopSignal();
  clearInterval(drawing);
  console.log('\nRookery: stopping; each service deregisters and lets its calls end …');
  await fleet.stop();
  await directory[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  console.log('Rookery: stopped.');
}

/** Ctrl-C reaches the whole group of processes: the services stop by themselves, too. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
