import type { MessageView } from '@p2p-chat/shared/control';
import { safeLine } from '@p2p-chat/shared/text';
import { messageText } from '../model/labels.ts';
import { open } from '../model/route.ts';
import { api } from '../model/session.ts';
import { words } from '../words/index.ts';
import { attempt } from './toast.tsx';

/** The messages that the person is asked to confirm: in sight until that is done. */
export function ToConfirm({ messages = [] }: { messages: readonly MessageView[] | undefined }) {
  const w = words.value;
  if (messages.length === 0) return null;
  return (
    <ul class="to-confirm" aria-label={w.asksConfirm}>
      {messages.map((message) => (
        <li key={message.id}>
          <button type="button" class="link-button" onClick={() => open(message.conversation, message)}>
            <strong>{safeLine(message.user)}</strong> {safeLine(messageText(message))}
          </button>
          <button type="button" class="button" onClick={() => attempt(() => api().confirm(message.id))}>
            {w.confirm}
          </button>
        </li>
      ))}
    </ul>
  );
}
