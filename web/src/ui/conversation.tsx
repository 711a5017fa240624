import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ConversationView, MessageView, PeerView } from '@p2p-chat/shared/control';
import { conversationOf, peerOf, Timeline as Loaded, typingIn, withPeer } from '@p2p-chat/shared/client';
import { safeLine } from '@p2p-chat/shared/text';
import { drafts, keepDraft } from '../model/drafts.ts';
import { messageText, presenceLabel, presenceOf } from '../model/labels.ts';
import { conversationLabel, personLabel } from '../model/names.ts';
import type { Outbox } from '../model/outbox.ts';
import { takePlace } from '../model/place.ts';
import { foundMessage, go, route } from '../model/route.ts';
import { api, live } from '../model/session.ts';
import { words } from '../words/index.ts';
import { Avatar } from './avatar.tsx';
import { Composer, type Reference } from './composer.tsx';
import { chosen, dropped, type Offering } from '../model/offering.ts';
import { takeFiles } from './file-card.tsx';
import { useShown } from './hooks.ts';
import { Icon } from './icons.tsx';
import { lazily } from './lazily.tsx';
import { Badges } from './sidebar.tsx';
import { Timeline } from './timeline.tsx';
import { attempt, show } from './toast.tsx';
import { ToConfirm } from './to-confirm.tsx';

const Invitation = lazily(async () => (await import('./group.tsx')).Invitation);

interface ConversationProps {
  id: string;
  outbox: Outbox;
}

/** A conversation: read above, write below. */
export function Conversation({ id, outbox }: ConversationProps) {
  const at = foundMessage.value;
  const timeline = useMemo(
    () => new Loaded(live(), id, at?.conversation === id ? at : takePlace(id)),
    [id, at],
  );
  useEffect(() => () => timeline.close(), [timeline]);
  useEffect(() => {
    api()
      .files(id)
      .then(takeFiles)
      .catch(() => undefined);
  }, [id]);
  const [reference, setReference] = useState<Reference | null>(null);
  // What a message is changed to is no draft: it is gone with the message.
  const [changed, setChanged] = useState('');
  const isChanging = reference?.kind === 'edit';
  useEffect(
    () =>
      live().onEvent((event) => {
        if (event.type !== 'changed') return;
        const gone = event.messages.find(({ id, deleted }) => id === reference?.message.id && deleted);
        if (gone !== undefined) setReference(null);
      }),
    [reference],
  );
  const peer = useShown((now) => peerOf(now, id), [id]);
  const known = useShown((now) => conversationOf(now, id), [id]);
  const name = peer !== undefined ? personLabel(peer) : known !== undefined ? conversationLabel(known) : '';
  const pending = outbox.pending.value.filter(({ conversation }) => conversation === id);
  return (
    <section
      class="conversation"
      aria-label={words.value.conversationWith(name)}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        const items = event.dataTransfer?.items;
        if (items !== undefined) attempt(async () => sendFiles(id, await dropped(items)));
      }}
    >
      <Head name={name} peer={peer} known={known} />
      <ToConfirm messages={known?.toConfirm} />
      <Timeline
        key={`${id} ${at?.id ?? ''}`}
        timeline={timeline}
        name={name}
        pending={pending}
        onEdit={({ key, body }) => {
          outbox.discard(key);
          keepDraft(id, body);
        }}
        onDiscard={({ key }) => outbox.discard(key)}
        names={known?.kind === 'group'}
        mayWrite={known?.group === undefined || known.group.state === 'member'}
        onReply={(message) => setReference({ kind: 'reply', message })}
        onChange={(message) => {
          setReference({ kind: 'edit', message });
          setChanged(message.body);
        }}
      />
      <Announcer conversation={id} />
      <Writing id={id} />
      {known?.kind === 'group' && <Invitation id={id} />}
      {peer !== undefined && peer.request !== null && <Request peer={peer} />}
      {known?.group !== undefined && known.group.state !== 'member' ? null : peer?.blocked === true ? (
        <BlockedNote peer={peer} />
      ) : (
        <>
          {peer !== undefined && !peer.online && <p class="note faint">{words.value.waitsHere}</p>}
          <Composer
            conversation={id}
            reference={reference}
            text={isChanging ? changed : (drafts.value[id] ?? '')}
            onText={(text) => (isChanging ? setChanged(text) : keepDraft(id, text))}
            onCancel={() => setReference(null)}
            onFiles={(files) => sendFiles(id, chosen(files))}
            onSend={(body, confirm) => {
              setReference(null);
              if (reference?.kind === 'edit') {
                attempt(() =>
                  timeline.edit(reference.message.id, body).catch((error: unknown) => {
                    // What was written is not lost.
                    setReference(reference);
                    setChanged(body);
                    throw error;
                  }),
                );
                return;
              }
              keepDraft(id, '');
              outbox.add(id, body, {
                ...(reference === null ? {} : { replyTo: reference.message.id }),
                ...(confirm ? { confirm } : {}),
              });
              if (!timeline.store.get().atEnd) timeline.toEnd();
            }}
            onWrite={() => timeline.writes()}
          />
        </>
      )}
    </section>
  );
}

function sendFiles(conversation: string, offerings: readonly Offering[]): void {
  for (const offering of offerings) {
    show(words.value.sendingFile(offering.name));
    attempt(() => api().upload(conversation, offering));
  }
}

interface HeadProps {
  name: string;
  peer: PeerView | undefined;
  known: ConversationView | undefined;
}

function Head({ name, peer, known }: HeadProps) {
  const w = words.value;
  const showsDetails = route.value.at === 'conversation' && route.value.details;
  return (
    <header class="conversation-head">
      <button type="button" class="icon-button back" aria-label={w.back} onClick={() => go({ at: 'list' })}>
        <Icon name="back" />
      </button>
      <Avatar
        name={peer?.user ?? known?.name ?? '?'}
        id={peer?.peerId ?? known?.id ?? ''}
        peer={peer}
        group={known?.kind === 'group'}
      />
      <div class="head-text">
        <h1>
          <span class="head-name">{name}</span> <Badges peer={peer} />
        </h1>
        {known?.group !== undefined && <p class="faint">{w.memberCount(known.group.members)}</p>}
        {peer !== undefined && (
          <p class="faint" data-presence={presenceOf(peer)}>
            {presenceLabel(peer)}
            {peer.online && peer.status !== undefined && ` · ${safeLine(peer.status)}`}
          </p>
        )}
      </div>
      <button
        type="button"
        class="icon-button"
        aria-label={w.details}
        title={w.details}
        aria-expanded={showsDetails}
        onClick={toggleDetails}
      >
        <Icon name="info" />
      </button>
    </header>
  );
}

/** Opens the pane about the person, or closes it. */
export function toggleDetails(): void {
  const now = route.value;
  if (now.at === 'conversation') go({ ...now, details: !now.details });
}

/** Says what is new to a screen reader, and nothing else: not what is scrolled to. */
function Announcer({ conversation }: { conversation: string }) {
  const [said, setSaid] = useState<MessageView | null>(null);
  useEffect(
    () =>
      live().onEvent((event) => {
        if (event.type !== 'message') return;
        const last = event.messages.findLast(
          (one) => one.conversation === conversation && one.direction === 'in',
        );
        if (last !== undefined) setSaid(last);
      }),
    [conversation],
  );
  return (
    <p class="visually-hidden" role="status">
      {said !== null && `${said.change === undefined ? `${safeLine(said.user)}: ` : ''}${messageText(said)}`}
    </p>
  );
}

function Writing({ id }: { id: string }) {
  const names = useShown(
    (now) => {
      const writing = typingIn(now, id).flatMap((peerId) => now.peers.get(peerId) ?? []);
      return writing.map(personLabel).join(', ');
    },
    [id],
  );
  return <p class="writing faint">{names !== '' && words.value.typing(names)}</p>;
}

/** Decides about a person, and shows it at once. */
export function decide(action: () => Promise<PeerView>): void {
  attempt(async () => {
    const changed = await action();
    live().store.update((now) => withPeer(now, changed));
  });
}

function Request({ peer }: { peer: PeerView }) {
  const w = words.value;
  return (
    <section class="request" aria-label={`${personLabel(peer)} ${w.wantsToWrite}`}>
      <p>
        <strong>{w.requestText}</strong>
      </p>
      <p>{peer.request?.messages === 0 ? w.requestLong : w.requestWarning}</p>
      <div class="buttons">
        <button type="button" class="button primary" onClick={() => decide(() => api().accept(peer.peerId))}>
          {w.accept}
        </button>
        <button type="button" class="button danger" onClick={() => decide(() => api().block(peer.peerId))}>
          {w.block}
        </button>
      </div>
    </section>
  );
}

function BlockedNote({ peer }: { peer: PeerView }) {
  const w = words.value;
  return (
    <section class="request" aria-label={w.blocked}>
      <p>{w.blockedText}</p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => decide(() => api().unblock(peer.peerId))}>
          {w.unblock}
        </button>
      </div>
    </section>
  );
}
