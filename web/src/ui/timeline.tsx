import { useCallback, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { memo } from 'preact/compat';
import type { MessageView } from '@p2p-chat/shared/control';
import type { Timeline as Loaded, ViewState } from '@p2p-chat/shared/client';
import { shortPeerId } from '@p2p-chat/shared/peer-id';
import { safeLine } from '@p2p-chat/shared/text';
import { dayLabel, isSameDay, messageText, timeLabel } from '../model/labels.ts';
import { authorLabel } from '../model/names.ts';
import { open } from '../model/route.ts';
import { api, state } from '../model/session.ts';
import type { Pending } from '../model/outbox.ts';
import { keepPlace } from '../model/place.ts';
import { words } from '../words/index.ts';
import { useShown, useStore } from './hooks.ts';
import { Icon, type IconName } from './icons.tsx';
import { List, type ListHandle } from './list.ts';
import { FileCard } from './file-card.tsx';
import { Formatted, Linked } from './marked.tsx';
import { lazily } from './lazily.tsx';
import type { Act } from './message-actions.tsx';
import { attempt, show } from './toast.tsx';

const MessageActions = lazily(async () => (await import('./message-actions.tsx')).MessageActions);

/** How near to an end, in pixels, more is loaded. */
const LOAD_AHEAD = 800;
/** How near to the end one counts as at it. */
const AT_END = 60;
/** Messages of one person within this time stand together, in milliseconds. */
const TOGETHER_MS = 5 * 60_000;

interface TimelineProps {
  timeline: Loaded;
  name: string;
  pending: readonly Pending[];
  onEdit: (pending: Pending) => void;
  onDiscard: (pending: Pending) => void;
  /** Whether names stand above what others wrote: there are several. */
  names: boolean;
  /** Whether somebody who finds it empty can change that. */
  mayWrite: boolean;
  onReply: (message: MessageView) => void;
  onChange: (message: MessageView) => void;
}

/** The messages of a conversation. Only those near the screen are in the document. */
export function Timeline(props: TimelineProps) {
  const { timeline, name, pending, onEdit, onDiscard, names, mayWrite, onReply, onChange } = props;
  const w = words.value;
  const loaded = useStore(timeline.store);
  const list = useRef<ListHandle>(null);
  const stays = useRef(true);
  /** How long the list was when its end was on the screen last. */
  const endSize = useRef(0);
  const { messages, shift } = useRows(loaded.messages, stays.current);
  const [atEnd, setAtEnd] = useState(true);
  const [focused, setFocused] = useState<string | null>(null);
  const [acted, setActed] = useState<{ message: MessageView; act: Act } | null>(null);
  const openMenu = useCallback((message: MessageView): void => setActed({ message, act: 'menu' }), []);
  const react = useCallback(
    (message: MessageView, emoji: string): void => attempt(() => timeline.react(message, emoji)),
    [timeline],
  );
  const begun = useRef(false);
  /** Whether it begins at the end, whatever was not read. */
  const toLatest = useRef(false);
  /** What was on the screen last: its first message, and how many. */
  const onScreen = useRef<{ first: string; count: number } | null>(null);

  const look = useCallback((): void => {
    const handle = list.current;
    if (handle === null || !begun.current) return;
    const { messages: all, atEnd: isLast } = timeline.store.get();
    const bottom = handle.scrollOffset + handle.viewportSize;
    const near = handle.scrollSize - bottom < AT_END;
    // Only scrolling up leaves the end: what came below it may not be on the screen yet.
    stays.current = isLast && (near || (stays.current && endSize.current - bottom < AT_END));
    if (near) endSize.current = handle.scrollSize;
    setAtEnd(stays.current);
    const last = all[Math.min(all.length - 1, handle.findItemIndex(bottom - 1))];
    if (last !== undefined) timeline.seen(last.id);
    const firstAt = handle.findItemIndex(handle.scrollOffset);
    const first = all[firstAt];
    const count = handle.findItemIndex(bottom) - firstAt + 1;
    onScreen.current = first === undefined ? null : { first: first.id, count };
    keepPlace(timeline.conversation, stays.current ? null : (first ?? null));
    if (handle.scrollOffset < LOAD_AHEAD) void timeline.older();
    if (handle.scrollSize - bottom < LOAD_AHEAD) void timeline.newer();
  }, [timeline]);

  // Where it begins: at what was looked for, at the first unread message, or at the end.
  useLayoutEffect(() => {
    const handle = list.current;
    if (handle === null || messages.length === 0 || loaded.loading) return;
    if (begun.current) return;
    begun.current = true;
    const from = loaded.found ?? (toLatest.current ? null : loaded.firstUnread);
    const at = messages.findIndex(({ id }) => id === from);
    stays.current = at < 0;
    if (at >= 0) handle.scrollToIndex(at, { align: loaded.found === undefined ? 'start' : 'center' });
    else handle.scrollToIndex(messages.length - 1 + pending.length, { align: 'end' });
    requestAnimationFrame(look);
  }, [messages, loaded, look, pending.length]);

  // Who is at the end stays there.
  useLayoutEffect(() => {
    if (!begun.current || !stays.current) return;
    list.current?.scrollToIndex(messages.length - 1 + pending.length, { align: 'end' });
    requestAnimationFrame(look);
  }, [messages.at(-1)?.id, pending.length, look]);

  const toEnd = (): void => {
    stays.current = true;
    if (!timeline.store.get().atEnd) {
      begun.current = false;
      toLatest.current = true;
      timeline.toEnd();
    }
    list.current?.scrollToIndex(messages.length - 1 + pending.length, { align: 'end' });
  };

  /** What a key does with the message that has the focus. @returns whether it does anything */
  const actByKey = (key: string, message: MessageView): boolean => {
    const canAnswer = message.deleted !== true;
    const isText = message.kind === 'text';
    const mine = message.direction === 'out';
    if (key === 'Enter' || key === 'Delete') openMenu(message);
    else if (key === 'r' && canAnswer) onReply(message);
    else if (key === 'e' && mine && isText) onChange(message);
    else if (key === 'c' && isText) copy(message);
    else if (key === 'f' && (isText || message.kind === 'file')) setActed({ message, act: 'forward' });
    else if (key === '+' && canAnswer) setActed({ message, act: 'react' });
    else return false;
    return true;
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const chosen = messages.find(({ id, change }) => id === focused && change === undefined);
    const isThere = chosen !== undefined && (event.target as HTMLElement).id === `m-${chosen.id}`;
    if (isThere && actByKey(event.key, chosen)) return event.preventDefault();
    const steps: Partial<Record<string, number>> = {
      ArrowUp: -1,
      ArrowDown: 1,
      Home: -Infinity,
      End: Infinity,
    };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const now = messages.findIndex(({ id }) => id === focused);
    const from = now < 0 ? messages.length : now;
    const next = Math.min(messages.length - 1, Math.max(0, from + by));
    const to = messages[next];
    if (to === undefined) return;
    setFocused(to.id);
    list.current?.scrollToIndex(next, { align: 'nearest' });
    requestAnimationFrame(() => document.getElementById(`m-${to.id}`)?.focus({ preventScroll: true }));
  };

  const rows: readonly (MessageView | Pending)[] =
    pending.length === 0 ? messages : [...messages, ...pending];
  // The list may not know yet which rows are on the screen after others came in above them.
  const seen = onScreen.current;
  const seenAt = seen === null ? -1 : messages.findIndex(({ id }) => id === seen.first);
  const kept = seenAt < 0 ? [] : Array.from({ length: seen?.count ?? 0 }, (_, nth) => seenAt + nth);
  const focusedAt = focused === null ? -1 : messages.findIndex(({ id }) => id === focused);
  if (messages.length === 0 && pending.length === 0) {
    return (
      <div class="timeline-empty">
        <p class="faint">{loaded.loading ? w.loading : mayWrite ? w.noMessages : ''}</p>
      </div>
    );
  }
  return (
    <div class="timeline-place">
      <div
        class="timeline"
        role="log"
        aria-live="off"
        aria-label={w.messagesOf(name)}
        aria-busy={loaded.loading}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <List
          ref={list}
          class="timeline-list"
          data={rows}
          shift={shift}
          bufferSize={600}
          keepMounted={focusedAt < 0 ? kept : [...kept, focusedAt]}
          onScroll={look}
          onResize={() => {
            if (stays.current && begun.current)
              list.current?.scrollToIndex(messages.length - 1 + pending.length, { align: 'end' });
            requestAnimationFrame(look);
          }}
        >
          {(row, at) =>
            'key' in row ? (
              <PendingRow key={row.key} pending={row} onEdit={onEdit} onDiscard={onDiscard} />
            ) : (
              <Row
                key={row.id}
                message={row}
                previous={messages[at - 1] ?? null}
                next={messages[at + 1] ?? null}
                unreadFrom={row.id === loaded.firstUnread}
                found={row.id === loaded.found}
                place={loaded.atStart ? at + 1 : 0}
                count={loaded.atStart && loaded.atEnd ? messages.length : -1}
                isLast={at === messages.length - 1 && pending.length === 0}
                names={names}
                onAct={openMenu}
                onReact={react}
              />
            )
          }
        </List>
      </div>
      {acted !== null && (
        <MessageActions
          message={acted.message}
          act={acted.act}
          timeline={timeline}
          onReply={() => onReply(acted.message)}
          onCopy={() => copy(acted.message)}
          onEdit={() => onChange(acted.message)}
          onClose={() => setActed(null)}
        />
      )}
      {!atEnd && (
        <button type="button" class="to-end" aria-label={w.toEnd} title={w.toEnd} onClick={toEnd}>
          <Icon name="down" />
        </button>
      )}
    </div>
  );
}

/**
 * The rows as the list may take them: where messages come in at one end while
 * others leave at the other, first the one and then the other, so that what is
 * on the screen stays where it is.
 * @param stays whether it is the end that is on the screen, and stays there
 */
function useRows(
  wanted: readonly MessageView[],
  stays: boolean,
): { messages: readonly MessageView[]; shift: boolean } {
  const shown = useRef<readonly MessageView[]>([]);
  const [, redraw] = useState(0);
  // Who is at the end is taken to the new end, whatever leaves above.
  const follows = stays && shown.current.at(-1)?.id !== wanted.at(-1)?.id;
  const rows = follows ? { messages: wanted, shift: false } : between(shown.current, wanted);
  useLayoutEffect(() => {
    shown.current = rows.messages;
    if (rows.messages !== wanted) redraw((n) => n + 1);
  });
  return rows;
}

/** The next rows on the way from those that are shown to those that are wanted. */
function between(
  shown: readonly MessageView[],
  wanted: readonly MessageView[],
): { messages: readonly MessageView[]; shift: boolean } {
  if (shown === wanted) return { messages: wanted, shift: false };
  const [first] = shown;
  const [next] = wanted;
  if (first === undefined || next === undefined) return { messages: wanted, shift: false };
  const added = wanted.findIndex(({ id }) => id === first.id);
  if (added > 0) {
    const last = shown.at(-1);
    const isWhole = wanted.some(({ id }) => id === last?.id);
    return { messages: isWhole ? wanted : [...wanted.slice(0, added), ...shown], shift: true };
  }
  const dropped = added === 0 ? 0 : shown.findIndex(({ id }) => id === next.id);
  if (dropped > 0) {
    const isSame = wanted.length === shown.length - dropped;
    return isSame
      ? { messages: wanted, shift: true }
      : { messages: [...shown.slice(0, dropped), ...wanted], shift: false };
  }
  return { messages: wanted, shift: false };
}

interface RowProps {
  message: MessageView;
  previous: MessageView | null;
  next: MessageView | null;
  unreadFrom: boolean;
  found: boolean;
  /** Its place in the whole conversation; 0 where that is not known. */
  place: number;
  count: number;
  isLast: boolean;
  names: boolean;
  onAct: (message: MessageView) => void;
  onReact: (message: MessageView, emoji: string) => void;
}

const Row = memo(function Row(props: RowProps) {
  const { message, previous, next, unreadFrom, found, place, count, isLast, names, onAct, onReact } = props;
  const w = words.value;
  const mine = message.direction === 'out';
  // What is before the first one that is loaded is not known: it must not change its size when that comes.
  const newDay = previous === null ? place === 1 : !isSameDay(previous.sentAt, message.sentAt);
  const together = !newDay && !unreadFrom && (previous === null || belongTogether(previous, message));
  // Once for those that say the same below them.
  const saysMore = next === null || !belongTogether(message, next) || next.state !== message.state;
  const author = useShown(({ peers }) => authorLabel(message, peers), [message]);
  const who = mine ? w.you : author;
  const isText = message.kind === 'text';
  const self = useShown(({ me }) => me?.peerId ?? '', []);
  const isCalled = message.mentions?.includes(self) === true;
  if (message.change !== undefined) {
    return (
      <div class="message-row">
        <p id={`m-${message.id}`} class="divider" tabIndex={-1}>
          {messageText(message)}
        </p>
      </div>
    );
  }
  return (
    <div class={`message-row ${isLast ? 'last' : ''}`}>
      {newDay && (
        <div class="divider">
          <span>{dayLabel(message.sentAt, Date.now())}</span>
        </div>
      )}
      {unreadFrom && (
        <div class="divider news">
          <span>{w.newMessages}</span>
        </div>
      )}
      <article
        id={`m-${message.id}`}
        class={`message ${mine ? 'mine' : 'theirs'} ${together ? 'together' : ''} ${found ? 'found-here' : ''} ${isCalled ? 'calls' : ''}`}
        tabIndex={-1}
        {...(place === 0 ? {} : { 'aria-posinset': place, 'aria-setsize': count })}
      >
        {names && !mine && !together ? (
          <span class="author">{who}</span>
        ) : (
          <span class="visually-hidden">{who}: </span>
        )}
        <div class="bubble-line">
          <div class={`bubble ${isText || message.kind === 'file' ? '' : 'other-kind'}`} dir="auto">
            <Quote message={message} />
            <Content message={message} />
          </div>
          <button
            type="button"
            class="icon-button act"
            tabIndex={-1}
            aria-label={w.messageActions}
            title={w.messageActions}
            onClick={() => onAct(message)}
          >
            <Icon name="more" />
          </button>
        </div>
        <Reactions message={message} onReact={onReact} />
        <Confirm message={message} />
        <span class={`meta ${saysMore ? '' : 'visually-hidden'}`}>
          <time dateTime={message.sentAt}>{timeLabel(message.sentAt)}</time>
          {isCalled && <span>{w.mentionsYou}</span>}
          {message.edited === true && <span>{w.edited}</span>}
          {message.deletion !== undefined && <span>{w.deletion(message.deletion)}</span>}
          {mine && <State message={message} />}
        </span>
      </article>
    </div>
  );
});

function Content({ message }: { message: MessageView }) {
  const { kind, files = [], caption, direction } = message;
  if (kind === 'text') return <Formatted text={messageText(message)} />;
  if (kind !== 'file' || message.blocked === true) return <>{messageText(message)}</>;
  return (
    <>
      {files.map((file) => (
        <FileCard key={file.id} file={file} mine={direction === 'out'} />
      ))}
      {caption !== undefined && <Linked text={messageText({ kind: 'text', body: caption })} />}
    </>
  );
}

/** The message that it answers: a way to it. */
function Quote({ message }: { message: MessageView }) {
  const { replyTo, quote, conversation } = message;
  const w = words.value;
  const self = useShown(({ me }) => me?.peerId, []);
  if (replyTo === undefined || replyTo === null) return null;
  if (quote === undefined || quote === null) return <p class="quote faint">{w.notHere}</p>;
  const text = quote.deleted ? `[${w.deleted}]` : safeLine(quote.body);
  return (
    <button
      type="button"
      class="quote"
      tabIndex={-1}
      onClick={() => attempt(async () => open(conversation, await api().message(quote.id)))}
    >
      <strong>{quote.author === self ? w.you : safeLine(quote.user)}</strong>
      <span>{text}</span>
    </button>
  );
}

function Reactions({ message, onReact }: { message: MessageView; onReact: RowProps['onReact'] }) {
  const { reactions = [] } = message;
  if (reactions.length === 0) return null;
  return (
    <div class="reactions">
      {reactions.map(({ emoji, by }) => (
        <Reaction key={emoji} emoji={emoji} by={by} onClick={() => onReact(message, emoji)} />
      ))}
    </div>
  );
}

interface ReactionProps {
  emoji: string;
  by: readonly string[];
  onClick: () => void;
}

function Reaction({ emoji, by, onClick }: ReactionProps) {
  const isMine = useShown(({ me }) => by.includes(me?.peerId ?? ''), [by]);
  const names = useShown((now) => namesOf(now, by), [by]);
  return (
    <button
      type="button"
      class="reaction"
      tabIndex={-1}
      aria-pressed={isMine}
      aria-label={words.value.reactedBy(safeLine(emoji), names)}
      title={names}
      onClick={onClick}
    >
      {safeLine(emoji)} {by.length > 1 && by.length}
    </button>
  );
}

/** Copies the text of a message. */
function copy(message: MessageView): void {
  attempt(async () => {
    await navigator.clipboard.writeText(messageText(message));
    show(words.value.copied);
  });
}

/** Whether this user has confirmed a message. */
function isConfirmed({ confirmed = [] }: MessageView): boolean {
  return confirmed.some(({ peerId }) => peerId === state.value.me?.peerId);
}

/** What is asked of a message's readers, in sight until it is done. */
function Confirm({ message }: { message: MessageView }) {
  const w = words.value;
  if (message.confirm !== true || message.deleted === true) return null;
  if (message.direction === 'out') {
    return <span class="meta">{w.confirmedBy(message.confirmed?.length ?? 0)}</span>;
  }
  if (isConfirmed(message)) {
    return (
      <span class="meta">
        <Icon name="tick" />
        {w.confirmed}
      </span>
    );
  }
  return (
    <p class="asks">
      {w.asksConfirm}{' '}
      <button type="button" class="button" onClick={() => attempt(() => api().confirm(message.id))}>
        {w.confirm}
      </button>
    </p>
  );
}

/** Whether two messages were written by one person, one right after the other. */
function belongTogether(a: MessageView, b: MessageView): boolean {
  if (a.change !== undefined || b.change !== undefined) return false;
  return a.author === b.author && Math.abs(Date.parse(b.sentAt) - Date.parse(a.sentAt)) < TOGETHER_MS;
}

const STATES: Record<MessageView['state'], IconName> = { queued: 'clock', delivered: 'tick', read: 'ticks' };

function State({ message }: { message: MessageView }) {
  const { state, recipients = [], delivered = [], read = [] } = message;
  const w = words.value;
  const [shown, by] = read.length > 0 ? (['read', read] as const) : (['delivered', delivered] as const);
  const names = useShown((now) => namesOf(now, by), [message]);
  const isPart = recipients.length > 1 && by.length > 0 && by.length < recipients.length;
  return (
    <span class={`state state-${state}`} title={names}>
      <Icon name={STATES[isPart ? shown : state]} />
      {isPart ? w.ofThem(by.length, recipients.length, w[shown]) : w[state]}
    </span>
  );
}

function namesOf({ me, peers }: ViewState, all: readonly string[]): string {
  const nameOf = (peerId: string): string =>
    peerId === me?.peerId ? words.value.you : safeLine(peers.get(peerId)?.user ?? shortPeerId(peerId));
  return all.map(nameOf).join(', ');
}

interface PendingRowProps {
  pending: Pending;
  onEdit: (pending: Pending) => void;
  onDiscard: (pending: Pending) => void;
}

function PendingRow({ pending, onEdit, onDiscard }: PendingRowProps) {
  const w = words.value;
  return (
    <div class="message-row last">
      <article class="message mine pending" tabIndex={-1}>
        <div class="bubble" dir="auto">
          {messageText({ kind: 'text', body: pending.body })}
        </div>
        {pending.problem === null ? (
          <span class="meta">
            <Icon name="clock" />
            {w.notHanded}
          </span>
        ) : (
          <span class="meta problem" role="alert">
            {w.notSent} {pending.problem}
            <button type="button" class="link-button" onClick={() => onEdit(pending)}>
              {w.editAgain}
            </button>
            <button type="button" class="link-button" onClick={() => onDiscard(pending)}>
              {w.discard}
            </button>
          </span>
        )}
      </article>
    </div>
  );
}
