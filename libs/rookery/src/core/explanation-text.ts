import { groupName } from './call-failure.js';
import type { Waiting } from './call.js';
import type {
  CallOutcome,
  ChannelExplanation,
  GroupExplanation,
  InstanceExplanation,
  ServiceExplanation,
} from './explain.js';
import type { PickExplanation } from './pick-log.js';
import type { GroupRoute } from './route.js';

/** How many of the last picks are shown. */
const SHOWN_PICKS = 10;

const WAITS: Readonly<Record<Waiting, string>> = {
  registry: 'waits: the registry has not answered yet',
  connection: 'waits: no instance is connected yet',
  instance: 'waits: there is no usable instance',
};

/** An explanation for people: plain text in lines, the columns aligned. Addresses show: it is for operators. */
export function explanationText(explanation: ServiceExplanation): string {
  const { service, registry, view, route, call, instances, channels } = explanation;
  const asked = Object.entries(call).filter(([, value]) => value !== undefined);
  return [
    `${service} in ${registry}: ${viewText(explanation)}`,
    `route: ${view === 'pending' || view === 'unwatched' ? 'not known yet' : routeText(route)}`,
    ...(asked.length > 0 ? [`call: ${asked.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(', ')}`] : []),
    ...table(instances.flatMap(instanceRows)),
    ...channels.flatMap(channelLines),
  ].join('\n');
}

function viewText({ view, staleForMs, error, instances }: ServiceExplanation): string {
  if (view === 'unwatched') return 'nobody in this process asks for it';
  if (view === 'pending') return 'the registry has not answered yet';
  if (view === 'failed') return `cannot be watched: ${error}`;
  const count = `${instances.length} instance${instances.length === 1 ? '' : 's'}`;
  return view === 'stale' ? `${count}, known from before the registry went away ${ago(staleForMs ?? 0)}` : count;
}

function routeText(route: GroupRoute | null): string {
  if (!route) return 'none (ungrouped instances only)';
  if (route.type === 'any') return 'any';
  if (route.type === 'prefer') return `prefer ${route.groups.map(groupName).join(', then ')}`;
  return `split ${Object.entries(route.shares)
    .map(([group, share]) => `${groupName(group)} ${share}`)
    .join(', ')}`;
}

function channelLines({ channel, name, zone, groups, outcome, picks }: ChannelExplanation): string[] {
  const shown = picks.slice(0, SHOWN_PICKS);
  return [
    `channel ${channel}${name ? ` (${name})` : ''}${zone ? `, in zone ${zone}` : ''}: ${outcomeText(outcome)}`,
    ...table(groups.map(groupRow)),
    ...(shown.length > 0 ? ['  last picks:', ...table(shown.map(pickRow))] : []),
  ];
}

function outcomeText(outcome: CallOutcome): string {
  if (outcome.result === 'pick') return `the call goes to ${outcome.groups.map(groupName).join(' or ')}`;
  return outcome.result === 'wait' ? WAITS[outcome.for] : `${outcome.reason}: ${outcome.details}`;
}

function groupRow({ group, rule, share, state, instances, usable }: GroupExplanation): string[] {
  const part = share === undefined ? '' : `${Number((share * 100).toFixed(1))} %`;
  return [groupName(group), `by ${rule}`, part, state, `${usable} of ${instances} usable`];
}

/** One row, or one for each channel where they differ. */
function instanceRows({ id, address, group, weight, status, pickable, channels }: InstanceExplanation): string[][] {
  const known = [id, address, groupName(group), `weight ${weight}`, status];
  const rows = channels.map(({ channel, state, running, why, pickable: may }) => ({
    channel,
    cells: [
      state,
      may ? 'pickable' : '-',
      `${running} running`,
      why.map(({ code, text }) => `${code}: ${text}`).join(' '),
    ],
  }));
  const [first, ...rest] = rows;
  if (!first) return [[...known, '', pickable ? 'pickable' : '-']];
  if (rest.every(({ cells }) => String(cells) === String(first.cells))) return [[...known, ...first.cells]];
  return rows.map(({ channel, cells }) => [...known, ...cells, `(channel ${channel})`]);
}

function pickRow({ agoMs, instance, address, group, rule, passedOver, attempt }: PickExplanation): string[] {
  const after = passedOver.length > 0 ? `nobody in ${passedOver.map(groupName).join(', ')}` : '';
  return [ago(agoMs), instance, address, groupName(group), `by ${rule}`, `attempt ${attempt}`, after];
}

function ago(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms ago` : `${(ms / 1000).toFixed(1)} s ago`;
}

/** Indented rows with columns of one width each; nothing stands behind the last cell. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [i, cell] of row.entries()) if (cell.length < 60) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  const shown = widths.map((width) => width > 0);
  return rows.map((row) =>
    `  ${row.flatMap((cell, i) => (shown[i] ? [cell.padEnd(widths[i]!)] : cell ? [cell] : [])).join('  ')}`.trimEnd(),
  );
}
