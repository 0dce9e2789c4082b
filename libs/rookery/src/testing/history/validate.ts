import type { CallRecorded, EndRecorded, History, InstanceRecorded } from './history.js';
import { stepsOf, usableSpans } from './usable.js';

/** What must not be, and was. */
export interface Violation {
  readonly rule:
    | 'call-after-leave'
    | 'call-failed'
    | 'registration-lost'
    | 'view-differs'
    | 'connections-churned'
    | 'nothing-happened';
  /** In words, with what a reader needs to find it. */
  readonly text: string;
}

export interface ValidateOptions {
  /** How long after an honest deregistration a call may still start at the instance, ms; default 1000. */
  readonly leaveMs?: number;
  /** How long an instance must have been usable before a call may count on it, ms; default 1000. */
  readonly settleMs?: number;
  /** How long after an instance broke calls may still be started on it, and fail, ms; default 3000. */
  readonly noticeMs?: number;
}

/**
 * Holds a history against what a fleet promises: no call goes to an instance that left, no call fails while an instance
 * is there to serve it, no registration is lost, views become what the registry says, and nobody reconnects without
 * need. A history without calls proves nothing, and is a violation.
 */
export function validate(history: History, options: ValidateOptions = {}): Violation[] {
  const { leaveMs = 1000, settleMs = 1000, noticeMs = 3000 } = options;
  return [
    ...(history.calls.length === 0 ? [violation('nothing-happened', 'no call was recorded')] : []),
    ...callsAfterLeave(history, leaveMs),
    ...failedCalls(history, { settleMs, noticeMs }),
    ...history.ends.flatMap((end) => [...lost(end), ...differing(end), ...churned(history, end, settleMs)]),
  ];
}

function violation(rule: Violation['rule'], text: string): Violation {
  return { rule, text };
}

function callsAfterLeave({ calls, instances }: History, leaveMs: number): Violation[] {
  const left = new Map(
    instances.flatMap(({ service, id, step, at }) => (step === 'left' ? [[key(service, id), at]] : [])),
  );
  return calls.flatMap(({ service, instance, startedAt }) => {
    const leftAt = instance === undefined ? undefined : left.get(key(service, instance));
    if (leftAt === undefined || startedAt <= leftAt + leaveMs) return [];
    return [
      violation('call-after-leave', `a call at ${ms(startedAt)} went to ${instance}, which left at ${ms(leftAt)}`),
    ];
  });
}

function key(service: string, id: string): string {
  return `${service}/${id}`;
}

/** A call may fail with the instance on which it ran; any other had somebody to go to, where somebody was there. */
function failedCalls(history: History, { settleMs, noticeMs }: { settleMs: number; noticeMs: number }): Violation[] {
  return history.calls.flatMap((call) => {
    const { service, startedAt, endedAt, error, instance } = call;
    if (error === undefined || brokeUnder(history, call, noticeMs)) return [];
    const usable = [...usableSpans(history, service)].filter(([, spans]) =>
      spans.some(({ from, to }) => from + settleMs <= startedAt && to >= endedAt),
    );
    if (usable.length === 0) return [];
    const names = usable.map(([id]) => id).join(', ');
    const whose = instance === undefined ? 'nobody' : instance;
    return [
      violation(
        'call-failed',
        `a call from ${ms(startedAt)} to ${ms(endedAt)} at ${whose}: ${error}; usable: ${names}`,
      ),
    ];
  });
}

/** The instance of the call broke while it ran, or so shortly before that nobody could know. */
function brokeUnder(
  history: History,
  { service, instance, startedAt, endedAt }: CallRecorded,
  noticeMs: number,
): boolean {
  if (instance === undefined) return false;
  const broke = stepsOf(history, service).filter((each) => each.id === instance && each.step === 'broken');
  const spans = usableSpans(history, service).get(instance) ?? [];
  if (spans.some(({ from, to }) => from <= startedAt && to >= endedAt)) return false;
  return broke.some(({ at }) => at <= endedAt && startedAt <= at + noticeMs);
}

function lost({ service, running, registered }: EndRecorded): Violation[] {
  const missing = running.filter((id) => !registered.includes(id));
  const ghosts = registered.filter((id) => !running.includes(id));
  return [
    ...missing.map((id) => violation('registration-lost', `${service}/${id} runs and is not in the registry`)),
    ...ghosts.map((id) => violation('registration-lost', `${service}/${id} is in the registry and does not run`)),
  ];
}

function differing({ service, registered, views }: EndRecorded): Violation[] {
  const expected = registered.toSorted().join(', ');
  return Object.entries(views).flatMap(([client, ids]) => {
    const seen = ids.toSorted().join(', ');
    if (seen === expected) return [];
    return [violation('view-differs', `${client} sees ${service} as [${seen}], the registry has [${expected}]`)];
  });
}

/**
 * Each client needs one connection to an instance, and one more for each time that it was mended or left. What is lost by the
 * registry keeps its connection, unless that was broken before, or not made yet.
 */
function churned(
  history: History,
  { service, connections = {}, clients = 1 }: EndRecorded,
  settleMs: number,
): Violation[] {
  const steps = stepsOf(history, service);
  return Object.entries(connections).flatMap(([id, opened]) => {
    const own = steps.filter((each) => each.id === id);
    const brokenAt = own.find(({ step }) => step === 'broken')?.at ?? Infinity;
    const startedAt = own.find(({ step }) => step === 'started')?.at ?? -Infinity;
    // Whoever has not heard that it left comes back when it ends the connection.
    const needs = ({ step, at }: InstanceRecorded) =>
      step === 'mended' || step === 'leaving' || (step === 'lost' && (at >= brokenAt || at <= startedAt + settleMs));
    const needed = own.filter(needs).length;
    const allowed = clients * (needed + 1);
    if (opened <= allowed) return [];
    return [violation('connections-churned', `${opened} connections were opened to ${id}, for ${allowed} at most`)];
  });
}

function ms(at: number): string {
  return `${Math.round(at)} ms`;
}
