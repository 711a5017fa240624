import type { MessageView } from '@p2p-chat/shared/control';
import { store, stored } from './storage.ts';

const KEY = 'place';

interface Place {
  conversation: string;
  message: MessageView;
}

/** Keeps where in a conversation somebody reads, through a reload. @param message null at its end */
export function keepPlace(conversation: string, message: MessageView | null): void {
  store(KEY, message === null ? undefined : ({ conversation, message } satisfies Place), sessionStorage);
}

/** Where that was, once. */
export function takePlace(conversation: string): MessageView | undefined {
  const place = stored<Place | null>(KEY, null, sessionStorage);
  return place?.conversation === conversation ? place.message : undefined;
}
