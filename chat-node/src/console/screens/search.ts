import { header } from '../header.js';
import { MessageFinder } from '@p2p-chat/shared/client';
import type { ScreenContext } from './context.js';
import { openConversation } from './conversation.js';

/** Search Messages: find a message, go to it in its conversation, and come back to what was found. */
export async function searchMessages(context: ScreenContext): Promise<void> {
  const { view, ask } = context;
  const finder = new MessageFinder(view);
  let selected: string | null = null;
  try {
    for (;;) {
      const chosen = await ask.search({
        view: view.store,
        results: finder.store,
        header,
        initial: finder.store.get().query,
        selected,
        look: (query) => finder.look(query),
        more: () => finder.more(),
      });
      if (chosen === null) return;
      selected = chosen.id;
      await openConversation(context, chosen.conversation, chosen);
    }
  } finally {
    finder.close();
  }
}
