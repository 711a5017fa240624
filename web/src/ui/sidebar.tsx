import { useComputed } from '@preact/signals';
import { memo } from 'preact/compat';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ConversationView, FoundMessageView, MessageView, PeerView } from '@p2p-chat/shared/control';
import { knownPeers, MessageFinder, requests, totalUnread, typingIn } from '@p2p-chat/shared/client';
import { safeLine } from '@p2p-chat/shared/text';
import { drafts } from '../model/drafts.ts';
import { messageText, presenceLabel, whenLabel } from '../model/labels.ts';
import { authorLabel, conversationLabel, personLabel } from '../model/names.ts';
import { go, href, open, route } from '../model/route.ts';
import { live, state } from '../model/session.ts';
import { words } from '../words/index.ts';
import { Avatar } from './avatar.tsx';
import { useStore } from './hooks.ts';
import { Icon } from './icons.tsx';
import { lazily } from './lazily.tsx';
import { ToConfirm } from './to-confirm.tsx';
import { aroundMatch, Marked } from './marked.tsx';

const Rooms = lazily(async () => (await import('./group.tsx')).Rooms);

/** The first pane: who I am, search, conversations or people. */
export function Sidebar({ onKeys }: { onKeys: () => void }) {
  const [query, setQuery] = useState('');
  const w = words.value;
  return (
    <nav class="sidebar" aria-label={w.conversations}>
      <h1 class="visually-hidden">{w.appName}</h1>
      <header class="sidebar-head">
        <OwnProfile />
        <button
          type="button"
          class="icon-button keys-button"
          aria-label={w.keys}
          title={w.keys}
          onClick={onKeys}
        >
          <Icon name="keyboard" />
        </button>
      </header>
      <div class="search" role="search">
        <Icon name="search" />
        <input
          id="search"
          type="search"
          autocomplete="off"
          placeholder={w.search}
          aria-label={w.search}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Escape' || query === '') return;
            event.stopPropagation();
            setQuery('');
          }}
        />
      </div>
      {query.trim() === '' ? <Lists /> : <Found query={query} onOpen={() => setQuery('')} />}
    </nav>
  );
}

function OwnProfile() {
  const { me, profile } = state.value;
  if (me === null) return <span class="own" />;
  const shown = profile?.shown ?? 'online';
  return (
    <a class="own" href={href({ at: 'profile' })} title={words.value.profile}>
      <Avatar name={me.user} id={me.peerId} />
      <span class="own-text">
        <span class="own-name">{safeLine(me.user)}</span>
        <span class="faint">
          {words.value[shown]}
          {profile?.status ? ` · ${safeLine(profile.status)}` : ''}
        </span>
      </span>
    </a>
  );
}

function Lists() {
  const w = words.value;
  const people = route.value.at === 'people';
  const unread = totalUnread(state.value);
  return (
    <>
      <div class="tabs">
        <a href={href({ at: 'list' })} class="tab" aria-current={people ? undefined : 'page'}>
          <Icon name="chat" />
          {w.chats}
          {unread > 0 && <Badge n={unread} />}
        </a>
        <a href={href({ at: 'people' })} class="tab" aria-current={people ? 'page' : undefined}>
          <Icon name="people" />
          {w.people}
        </a>
      </div>
      <div class="list-scroll">{people ? <People /> : <Conversations />}</div>
    </>
  );
}

function Badge({ n }: { n: number }) {
  return (
    <span class="badge">
      <span aria-hidden="true">{words.value.unreadShort(n)}</span>
      <span class="visually-hidden">{words.value.unread(n)}</span>
    </span>
  );
}

function Conversations() {
  const w = words.value;
  const waiting = requests(state.value);
  const requested = new Set(waiting.map(({ conversation }) => conversation));
  // Those who are blocked are found under People.
  const shown = state.value.conversations.filter(
    ({ id, peer }) => !requested.has(id) && peer?.blocked !== true,
  );
  const invitations = shown.filter(({ group }) => group?.state === 'invited');
  const conversations = shown.filter(({ group }) => group?.state !== 'invited');
  return (
    <>
      <ToConfirm messages={shown.flatMap(({ toConfirm = [] }) => toConfirm)} />
      {waiting.length + invitations.length > 0 && (
        <section aria-label={w.requestsTitle}>
          <h2 class="list-title">{w.requestsTitle}</h2>
          <ul class="list">
            {waiting.map((peer) => (
              <PersonRow key={peer.peerId} peer={peer} remark={w.wantsToWrite} news />
            ))}
            {invitations.map((one) => (
              <ConversationRow key={one.id} conversation={one} />
            ))}
          </ul>
        </section>
      )}
      {shown.length === 0 && waiting.length === 0 ? (
        <div class="empty">
          <p>{w.noConversations}</p>
          <p class="faint">{w.noConversationsHelp}</p>
        </div>
      ) : (
        <ul class="list" aria-label={w.conversations}>
          {conversations.map((one) => (
            <ConversationRow key={one.id} conversation={one} />
          ))}
        </ul>
      )}
    </>
  );
}

function isOpen(id: string): 'page' | undefined {
  return route.value.at === 'conversation' && route.value.id === id ? 'page' : undefined;
}

/** Drawn anew when something of its own changed, and not with each key and event. */
const ConversationRow = memo(function ConversationRow({ conversation }: { conversation: ConversationView }) {
  const { id, peer, last, unread } = conversation;
  const w = words.value;
  const name = conversationLabel(conversation);
  const draft = useComputed(() => drafts.value[id]).value;
  const typing = useComputed(() => typingIn(state.value, id).length > 0).value;
  const opened = useComputed(() => isOpen(id)).value;
  return (
    <li>
      <a
        class="row"
        href={href({ at: 'conversation', id, details: false })}
        aria-current={opened}
        data-unread={unread > 0 || undefined}
      >
        <Avatar
          name={conversation.name}
          id={conversation.peerId ?? id}
          peer={peer}
          group={conversation.kind === 'group'}
        />
        <span class="row-main">
          <span class="row-top">
            <span class="row-name">{name}</span>
            <Badges peer={peer} />
            {last !== null && <time class="row-time">{whenLabel(last.sentAt, Date.now())}</time>}
          </span>
          <span class="row-bottom">
            <span class="row-text">
              {typing ? (
                <span class="accent">{w.typing(name)}</span>
              ) : draft !== undefined && opened === undefined ? (
                <>
                  <span class="accent">{w.draft}</span> {safeLine(draft)}
                </>
              ) : conversation.group?.state === 'invited' ? (
                <span class="accent">
                  {safeLine(conversation.group.invitedBy?.user ?? '')} {w.invitesYou}
                </span>
              ) : last === null ? (
                ''
              ) : (
                `${saidBy(last, conversation)}${safeLine(messageText(last))}`
              )}
            </span>
            {unread > 0 && <Badge n={unread} />}
          </span>
        </span>
      </a>
    </li>
  );
});

/** What belongs beside a name wherever somebody is chosen. */
export function Badges({ peer }: { peer: PeerView | undefined }) {
  const w = words.value;
  if (peer === undefined) return null;
  return (
    <>
      {peer.verified && (
        <span class="mark verified" title={w.verified}>
          <Icon name="shield" />
          <span class="visually-hidden">{w.verified}</span>
        </span>
      )}
      {peer.blocked && (
        <span class="mark danger" title={w.blocked}>
          <Icon name="blocked" />
          <span class="visually-hidden">{w.blocked}</span>
        </span>
      )}
      {peer.forked === true && <span class="mark danger text">{w.forked}</span>}
      {peer.keyAlarm !== null && <span class="mark danger text">{w.otherKey}</span>}
    </>
  );
}

function PersonRow({ peer, remark, news }: { peer: PeerView; remark: string; news?: boolean }) {
  const id = peer.conversation;
  return (
    <li>
      <a
        class="row"
        href={href({ at: 'conversation', id, details: false })}
        aria-current={isOpen(id)}
        data-unread={news}
      >
        <Avatar name={peer.user} id={peer.peerId} peer={peer} />
        <span class="row-main">
          <span class="row-top">
            <span class="row-name">{personLabel(peer)}</span>
            <Badges peer={peer} />
          </span>
          <span class="row-bottom">
            <span class={`row-text ${news ? 'accent' : ''}`}>{remark}</span>
            {peer.unread > 0 && <Badge n={peer.unread} />}
          </span>
        </span>
      </a>
    </li>
  );
}

function remarkOf(peer: PeerView): string {
  const status = peer.online && peer.status !== undefined ? ` · ${safeLine(peer.status)}` : '';
  return `${presenceLabel(peer)}${status}`;
}

function People() {
  const w = words.value;
  const known = knownPeers(state.value);
  const people = [...known.filter(({ online }) => online), ...known.filter(({ online }) => !online)];
  return (
    <>
      {people.length === 0 && (
        <div class="empty">
          <p>{w.nobody}</p>
          <p class="faint">{w.nobodyHelp}</p>
        </div>
      )}
      {people.length > 0 && (
        <ul class="list" aria-label={w.people}>
          {people.map((peer) => (
            <PersonRow key={peer.peerId} peer={peer} remark={remarkOf(peer)} />
          ))}
        </ul>
      )}
      <Rooms />
    </>
  );
}

function Found({ query, onOpen }: { query: string; onOpen: () => void }) {
  const w = words.value;
  const finder = useMemo(() => new MessageFinder(live()), []);
  useEffect(() => () => finder.close(), [finder]);
  useEffect(() => finder.look(query), [finder, query]);
  const { found, atEnd, searching, problem } = useStore(finder.store);
  const wanted = query.trim().toLocaleLowerCase();
  const people = knownPeers(state.value).filter(({ user }) => user.toLocaleLowerCase().includes(wanted));
  return (
    <div class="list-scroll">
      {people.length > 0 && (
        <>
          <h2 class="list-title">{w.people}</h2>
          <ul class="list" aria-label={w.people}>
            {people.map((peer) => (
              <PersonRow key={peer.peerId} peer={peer} remark={remarkOf(peer)} />
            ))}
          </ul>
        </>
      )}
      <p class="list-title" role="status">
        {problem ??
          (searching && found.length === 0
            ? w.searching
            : found.length === 0
              ? w.foundNothing
              : w.found(found.length, !atEnd))}
      </p>
      <ul class="list">
        {found.map((message) => (
          <FoundRow key={message.id} message={message} query={query} onOpen={onOpen} />
        ))}
      </ul>
      {!atEnd && found.length > 0 && (
        <button type="button" class="button wide" onClick={() => finder.more()}>
          {w.more}
        </button>
      )}
    </div>
  );
}

function FoundRow({
  message,
  query,
  onOpen,
}: {
  message: FoundMessageView;
  query: string;
  onOpen: () => void;
}) {
  const { previous, next, ...found } = message;
  const conversation = state.value.conversations.find(({ id }) => id === message.conversation);
  const line = (one: FoundMessageView['previous']) =>
    one !== null && <span class="found-around faint">{safeLine(messageText(one))}</span>;
  return (
    <li>
      <button
        type="button"
        class="row found"
        onClick={() => {
          open(message.conversation, found);
          onOpen();
        }}
      >
        <span class="row-main">
          <span class="row-top">
            <span class="row-name">
              {message.direction === 'out' ? words.value.you : authorLabel(message, state.value.peers)}
              {conversation !== undefined &&
                message.direction === 'out' &&
                ` → ${conversationLabel(conversation)}`}
            </span>
            <time class="row-time">{whenLabel(message.sentAt, Date.now())}</time>
          </span>
          {line(previous)}
          <span class="found-text">
            <Marked text={aroundMatch(safeLine(messageText(message)), query)} query={query} />
          </span>
          {line(next)}
        </span>
      </button>
    </li>
  );
}

/** Goes to the conversation before or after the one that is open. */
export function step(by: 1 | -1): void {
  const ids = state.value.conversations.filter(({ peer }) => peer?.blocked !== true).map(({ id }) => id);
  if (ids.length === 0) return;
  const now = route.value.at === 'conversation' ? ids.indexOf(route.value.id) : -1;
  const next = now < 0 ? 0 : Math.min(ids.length - 1, Math.max(0, now + by));
  const id = ids[next];
  if (id !== undefined) go({ at: 'conversation', id, details: false });
}

/** Before the last message of a conversation: who said it, where that is not plain. */
function saidBy({ direction, change, user }: MessageView, { kind }: ConversationView): string {
  if (change !== undefined) return '';
  if (direction === 'out') return `${words.value.you}: `;
  return kind === 'group' ? `${safeLine(user)}: ` : '';
}
