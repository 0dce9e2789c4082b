/** `npm start`: a fleet of real Nest gRPC services, a client that calls them, and a live table of both. */
import { createDirectory } from 'rookery/grpc';
import { defaultRegistry } from 'rookery/registries';
import { Orders, Users } from './contracts.js';
import { Fleet } from './fleet.js';
import { drawTable } from './table.js';

const EVERY_MS = process.stdout.isTTY ? 500 : 2000;

async function main(): Promise<void> {
  // The embedded registry gets a corner of its own, apart from what the user may run.
  if (!process.env['ROOKERY_REGISTRY']) process.env['ROOKERY_NAMESPACE'] ??= 'demo';
  const registry = defaultRegistry(process.env);
  const directory = createDirectory(registry);
  let answered: Record<string, number> = {};
  let failed = 0;
  const services = [Users.name, Orders.name];
  const fleet = new Fleet((report) => {
    for (const [name, calls] of Object.entries(report.answered)) answered[name] = (answered[name] ?? 0) + calls;
    failed += report.failed;
  });
  console.log(`Rookery: starting the demo fleet on ${registry.name} (Ctrl-C stops it) …`);
  fleet.start();
  const instances = () =>
    services
      .map((service) => directory.view(service))
      .flatMap((view) => (view.status === 'known' ? [...view.instances.values()] : []));
  // The client starts when everybody is there: before that, it would be right to fail its calls.
  let calling = false;
  const callWhenComplete = () => {
    if (calling || instances().length < fleet.size) return;
    calling = true;
    fleet.startCaller();
  };
  const watches = services.map((service) => directory.subscribe(service, callWhenComplete));
  const drawing = setInterval(() => {
    const table = drawTable({ registry: registry.name, instances: instances(), answered, failed });
    console.log(process.stdout.isTTY ? `\x1b[2J\x1b[H${table}\n\nCtrl-C stops the fleet.` : `${table}\n`);
    answered = {};
  }, EVERY_MS);
  await stopSignal();
  clearInterval(drawing);
  console.log('\nRookery: stopping; each service deregisters and lets its calls end …');
  await fleet.stop();
  for (const watch of watches) watch[Symbol.dispose]();
  await directory[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
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
