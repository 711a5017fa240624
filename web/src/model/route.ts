import { signal } from '@preact/signals';
import type { MessageView } from '@p2p-chat/shared/control';

/** What the page shows. The address has it, so that back and reload work. */
export type Route =
  | { at: 'list' }
  | { at: 'people' }
  | { at: 'profile' }
  | { at: 'conversation'; id: string; details: boolean };

function read(hash: string): Route {
  const [, name = '', id = '', more] = /^#\/(\w*)\/?([\w-]*)\/?(\w*)$/.exec(hash) ?? [];
  if (name === 'c' && id !== '') return { at: 'conversation', id, details: more === 'details' };
  if (name === 'people' || name === 'profile') return { at: name };
  return { at: 'list' };
}

/** The address of a part of the page. */
export function href(route: Route): string {
  switch (route.at) {
    case 'list':
      return '#/';
    case 'conversation':
      return `#/c/${route.id}${route.details ? '/details' : ''}`;
    default:
      return `#/${route.at}`;
  }
}

export const route = signal<Route>(read(location.hash));
/** The message at which the conversation of the route is to be opened, instead of its end. */
export const foundMessage = signal<MessageView | null>(null);

addEventListener('hashchange', () => (route.value = read(location.hash)));

/** Goes to a part of the page. */
export function go(to: Route): void {
  if (location.hash !== href(to)) location.hash = href(to);
  route.value = to;
}

/** Opens a conversation. @param at the message to begin at, instead of the end */
export function open(id: string, at: MessageView | null = null): void {
  foundMessage.value = at;
  go({ at: 'conversation', id, details: route.value.at === 'conversation' && route.value.details });
}
