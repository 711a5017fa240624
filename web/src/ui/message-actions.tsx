import { useEffect, useState } from 'preact/hooks';
import type { ConfirmationsView, MessageView } from '@p2p-chat/shared/control';
import type { Timeline } from '@p2p-chat/shared/client';
import { safeLine } from '@p2p-chat/shared/text';
import { messageText } from '../model/labels.ts';
import { api, state } from '../model/session.ts';
import { words } from '../words/index.ts';
import { Dialog } from './dialog.tsx';
import { EmojiPicker } from './emoji-picker.tsx';
import { attempt, show } from './toast.tsx';

/** What most people say most often, without looking for it. */
const QUICK_REACTIONS = ['👍', '❤️', '😂', '🎉', '😮', '😢'];

interface MessageActionsProps {
  message: MessageView;
  timeline: Timeline;
  onReply: () => void;
  onEdit: () => void;
  onClose: () => void;
}

/** What can be done with a message. */
export function MessageActions({ message, timeline, onReply, onEdit, onClose }: MessageActionsProps) {
  const w = words.value;
  const [picking, setPicking] = useState(false);
  const mine = message.direction === 'out';
  const isText = message.kind === 'text';
  const run = (action: () => Promise<unknown>): void => {
    attempt(action);
    onClose();
  };
  const then = (action: () => void): void => {
    action();
    onClose();
  };
  const react = (emoji: string): void => run(() => timeline.react(message, emoji));
  if (picking) return <EmojiPicker onPick={react} onClose={onClose} />;
  return (
    <Dialog title={w.message} onClose={onClose} class="actions">
      <p class="actions-text faint" dir="auto">
        {safeLine(messageText(message))}
      </p>
      {message.deleted !== true && (
        <div class="quick-reactions" role="group" aria-label={w.react}>
          {QUICK_REACTIONS.map((emoji) => (
            <button type="button" class="emoji" onClick={() => react(emoji)}>
              {emoji}
            </button>
          ))}
          <button type="button" class="chip" onClick={() => setPicking(true)}>
            {w.more}
          </button>
        </div>
      )}
      <div class="action-list">
        {message.deleted !== true && (
          <button type="button" class="button" onClick={() => then(onReply)}>
            {w.reply}
          </button>
        )}
        {isText && (
          <button
            type="button"
            class="button"
            onClick={() =>
              then(() => void navigator.clipboard.writeText(message.body).then(() => show(w.copied)))
            }
          >
            {w.copy}
          </button>
        )}
        {mine && isText && (
          <button type="button" class="button" onClick={() => then(onEdit)}>
            {w.editAgain}
          </button>
        )}
        <button type="button" class="button" onClick={() => run(() => timeline.delete(message.id, true))}>
          {w.deleteForMe}
        </button>
        {mine && message.deleted !== true && (
          <button
            type="button"
            class="button danger"
            onClick={() => run(() => timeline.delete(message.id, false))}
          >
            {w.deleteForAll}
          </button>
        )}
      </div>
      {mine && message.confirm === true && <Confirmations id={message.id} />}
    </Dialog>
  );
}

/** Who has confirmed one's own message, and how far it came with the others. */
function Confirmations({ id }: { id: string }) {
  const w = words.value;
  const [view, setView] = useState<ConfirmationsView | null>(null);
  useEffect(() => attempt(async () => setView(await api().confirmations(id, false))), [id]);
  if (view === null) return null;
  const lists = [
    [w.confirmed, view.confirmed],
    [w.read, view.read],
    [w.delivered, view.delivered],
    [w.queued, view.missing],
  ] as const;
  return (
    <section aria-label={w.confirmed}>
      <dl class="facts">
        {lists.map(([label, people]) =>
          people.length === 0 ? null : (
            <>
              <dt>{label}</dt>
              <dd>{people.map(({ user }) => safeLine(user)).join(', ')}</dd>
            </>
          ),
        )}
      </dl>
      {view.confirmed.length < lists.reduce((sum, [, people]) => sum + people.length, 0) && (
        <button
          type="button"
          class="button"
          onClick={() => attempt(async () => setView(await api().confirmations(id, true)))}
        >
          {w.remind}
        </button>
      )}
    </section>
  );
}

/** Whether this user has confirmed a message. */
export function isConfirmed({ confirmed = [] }: MessageView): boolean {
  return confirmed.some(({ peerId }) => peerId === state.value.me?.peerId);
}
