import { useEffect, useState } from 'preact/hooks';
import type {
  ConfirmationsView,
  MemberView,
  MessageView,
  ReceiptTimeView,
  VersionView,
} from '@p2p-chat/shared/control';
import { conversationOf, forward, type Timeline } from '@p2p-chat/shared/client';
import { shortPeerId } from '@p2p-chat/shared/peer-id';
import { safeLine, safeText } from '@p2p-chat/shared/text';
import { messageText, momentLabel, timeLabel } from '../model/labels.ts';
import { conversationLabel } from '../model/names.ts';
import { open } from '../model/route.ts';
import { api, state } from '../model/session.ts';
import { words } from '../words/index.ts';
import { Dialog } from './dialog.tsx';
import { EmojiPicker } from './emoji-picker.tsx';
import { attempt, show } from './toast.tsx';

/** What most people say most often, without looking for it. */
const QUICK_REACTIONS = ['👍', '❤️', '😂', '🎉', '😮', '😢'];

/** What is open for a message. */
export type Act = 'menu' | 'react' | 'forward' | 'versions';

interface MessageActionsProps {
  message: MessageView;
  timeline: Timeline;
  /** What is open first. */
  act: Act;
  onReply: () => void;
  onCopy: () => void;
  onEdit: () => void;
  onClose: () => void;
}

/** What can be done with a message. */
export function MessageActions(props: MessageActionsProps) {
  const { message, timeline, onReply, onCopy, onEdit, onClose } = props;
  const w = words.value;
  const [act, setAct] = useState<Act>(props.act);
  const { id, conversation, deleted, edited, kind } = message;
  const mine = message.direction === 'out';
  const isText = kind === 'text';
  const mayDelete = mine || conversationOf(state.value, conversation)?.group?.admin === true;
  const run = (action: () => Promise<unknown>): void => {
    attempt(action);
    onClose();
  };
  const react = (emoji: string): void => run(() => timeline.react(message, emoji));
  if (act === 'react') return <EmojiPicker onPick={react} onClose={onClose} />;
  if (act === 'forward') return <Forward message={message} onClose={onClose} />;
  if (act === 'versions') return <Versions id={id} onClose={onClose} />;
  const choices: [label: string, shown: boolean, action: () => void][] = [
    [w.reply, deleted !== true, onReply],
    [w.copy, isText, onCopy],
    [w.editAgain, mine && isText, onEdit],
    [
      w.toQuoted,
      Boolean(message.quote),
      () => attempt(async () => open(conversation, await api().message(message.quote?.id ?? ''))),
    ],
  ];
  return (
    <Dialog title={w.message} onClose={onClose} class="actions">
      <p class="actions-text faint" dir="auto">
        {safeLine(messageText(message))}
      </p>
      {deleted !== true && (
        <div class="quick-reactions" role="group" aria-label={w.react}>
          {QUICK_REACTIONS.map((emoji) => (
            <button type="button" class="emoji" onClick={() => react(emoji)}>
              {emoji}
            </button>
          ))}
          <button type="button" class="chip" onClick={() => setAct('react')}>
            {w.more}
          </button>
        </div>
      )}
      <div class="action-list">
        {choices.map(([label, shown, action]) =>
          shown ? (
            <button
              type="button"
              class="button"
              onClick={() => {
                action();
                onClose();
              }}
            >
              {label}
            </button>
          ) : null,
        )}
        {(isText || kind === 'file') && (
          <button type="button" class="button" onClick={() => setAct('forward')}>
            {w.forward}
          </button>
        )}
        {mine && edited === true && (
          <button type="button" class="button" onClick={() => setAct('versions')}>
            {w.versions}
          </button>
        )}
        <button type="button" class="button" onClick={() => run(() => timeline.delete(id, true))}>
          {w.deleteForMe}
        </button>
        {mayDelete && deleted !== true && (
          <button type="button" class="button danger" onClick={() => run(() => timeline.delete(id, false))}>
            {w.deleteForAll}
          </button>
        )}
      </div>
      <Who message={message} />
      {mine && message.confirm === true && <Confirmations id={id} />}
    </Dialog>
  );
}

/** To whom a text or files are sent on, as one's own. */
function Forward({ message, onClose }: { message: MessageView; onClose: () => void }) {
  const w = words.value;
  const all = state.value.conversations.filter(({ peer, group }) =>
    group === undefined ? peer?.blocked === false : group.state === 'member',
  );
  return (
    <Dialog title={w.forward} onClose={onClose} class="actions">
      <div class="action-list">
        {all.map((one) => (
          <button
            type="button"
            class="button"
            onClick={() => {
              attempt(async () => {
                await forward(api(), message, state.value.files, one.id);
                show(w.forwarded(conversationLabel(one)));
              });
              onClose();
            }}
          >
            {conversationLabel(one)}
          </button>
        ))}
      </div>
    </Dialog>
  );
}

/** What one's own message said before, and says. */
function Versions({ id, onClose }: { id: string; onClose: () => void }) {
  const [all, setAll] = useState<readonly VersionView[]>([]);
  useEffect(() => attempt(async () => setAll(await api().versions(id))), [id]);
  return (
    <Dialog title={words.value.versions} onClose={onClose} class="actions">
      <dl class="facts">
        {all.map(({ body, at }) => (
          <>
            <dt>{timeLabel(at)}</dt>
            <dd dir="auto">{safeText(body)}</dd>
          </>
        ))}
      </dl>
    </Dialog>
  );
}

/** Who says what they feel about a message, and in a group who has read it. */
function Who({ message }: { message: MessageView }) {
  const w = words.value;
  const { id, conversation, reactions = [], recipients = [], delivered = [], read = [] } = message;
  const [members, setMembers] = useState<readonly MemberView[]>([]);
  const [times, setTimes] = useState<readonly ReceiptTimeView[]>([]);
  const lists = [
    ...reactions.map(({ emoji, by }) => [safeLine(emoji), by] as const),
    [w.read, read, 'read'] as const,
    [w.delivered, delivered.filter((one) => !read.includes(one)), 'delivered'] as const,
    [w.queued, recipients.filter((one) => !delivered.includes(one))] as const,
  ].filter(([, people]) => people.length > 0);
  const isNeeded = lists.length > 0;
  useEffect(() => {
    if (!isNeeded) return;
    attempt(async () => {
      setMembers(await api().members(conversation));
      setTimes((await api().message(id)).receiptTimes ?? []);
    });
  }, [id, conversation, isNeeded]);
  if (!isNeeded) return null;
  const nameOf = (id: string): string => {
    const member = members.find(({ peerId }) => peerId === id);
    return member === undefined ? shortPeerId(id) : member.self ? w.you : safeLine(member.user);
  };
  const since = (id: string, state: 'read' | 'delivered' | undefined): string => {
    const at = state && times.find(({ peerId }) => peerId === id)?.[state];
    return at === undefined ? '' : ` ${momentLabel(at)}`;
  };
  return (
    <dl class="facts">
      {lists.map(([label, people, state]) => (
        <>
          <dt>{label}</dt>
          <dd>{people.map((one) => nameOf(one) + since(one, state)).join(', ')}</dd>
        </>
      ))}
    </dl>
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
          onClick={() =>
            attempt(async () => {
              setView(await api().confirmations(id, true));
              show(w.reminded);
            })
          }
        >
          {w.remind}
        </button>
      )}
    </section>
  );
}
