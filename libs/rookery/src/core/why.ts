import type { Endpoint } from './endpoint.js';

/**
 * Every reason why an instance gets no call, or is served on other terms than the others, as `explain` tells it.
 * docs/guides/routes.md lists exactly these; a test compares both ways.
 */
export const WHY = {
  group: 'The call does not ask its group.',
  fallback: 'A group that the call prefers comes first.',
  weight: 'Its weight is 0.',
  draining: 'It takes no new calls, as the registry or its connection says.',
  connecting: 'It is not connected yet.',
  verifying: 'It is connected, and has not yet said who it is or how it is.',
  failed: 'It could not be reached when it was last tried.',
  unhealthy: 'It does not say that it serves.',
  impostor: 'Somebody else answers at its address.',
  suspect: 'It is silent while others answer, and is being asked.',
  ejected: 'Too many of its calls or connections failed; it is set aside while its group has others.',
  warming: 'It joined lately, and a part of its weight counts.',
  zone: 'It stands in another zone than the client, whose own comes first while enough of it is usable.',
  quarantined: 'The registry has lost it; it serves for as long as its connection holds.',
  shadowed: 'A newer instance is registered at its address.',
  subset: 'This client keeps no connection to it.',
} as const;

export type WhyCode = keyof typeof WHY;

export interface Why {
  readonly code: WhyCode;
  /** The meaning of the code, with what is known of this instance. */
  readonly text: string;
}

/** What keeps no call away. */
const NOTES: readonly WhyCode[] = ['quarantined', 'warming', 'zone'];

export function isObstacle({ code }: Why): boolean {
  return !NOTES.includes(code);
}

/** @param detail such as the last error */
export function because(code: WhyCode, detail?: string): Why {
  return { code, text: detail ? `${WHY[code].replace(/\.$/, '')}: ${detail}.` : WHY[code] };
}

export interface WhyContext {
  /** Monotonic ms. */
  readonly now: number;
  /** The client's own, where it is preferred at the moment. */
  readonly zone?: string | undefined;
}

/** What there is to say of an endpoint, whatever the call asks. */
export function whyOf(endpoint: Endpoint, { now, zone }: WhyContext): Why[] {
  const { instance, state, error, draining, suspect, quarantined, ejectedFor, ejectedUntil, warmth } = endpoint;
  const why: Why[] = [];
  if (instance.weight === 0) why.push(because('weight'));
  if (instance.status === 'draining' || draining)
    why.push(because('draining', draining ? 'its connection says so' : 'the registry says so'));
  if (state === 'idle') why.push(because('subset'));
  else if (state !== 'ready') why.push(because(state, error));
  if (suspect) why.push(because('suspect'));
  if (ejectedUntil !== undefined)
    why.push(because('ejected', `${ejectedFor}, for ${Math.ceil((ejectedUntil - now) / 1000)} s more`));
  if (warmth < 1) why.push(because('warming', `${Math.round(warmth * 100)} %`));
  if (zone !== undefined && instance.zone !== zone)
    why.push(because('zone', instance.zone === undefined ? 'it names none' : `it is in ${instance.zone}`));
  if (quarantined) why.push(because('quarantined'));
  return why;
}
