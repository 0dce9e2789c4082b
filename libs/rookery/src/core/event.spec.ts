import { expect, it } from 'vitest';
import { EventHub, type RookeryEvent } from './event.js';

const event: RookeryEvent = { type: 'view.changed', service: 's', instances: 1, revision: 1 };

it('a hub tells every listener until it leaves', () => {
  const hub = new EventHub();
  const heard: string[] = [];
  const first = hub.on(() => heard.push('first'));
  hub.on(() => heard.push('second'));
  hub.emit(event);
  first[Symbol.dispose]();
  hub.emit(event);
  expect(heard).toEqual(['first', 'second', 'second']);
});
