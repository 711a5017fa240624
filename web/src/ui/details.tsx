import { useEffect, useState } from 'preact/hooks';
import type { PeerView, SafetyNumberView } from '@p2p-chat/shared/control';
import { conversationOf, peerOf } from '@p2p-chat/shared/client';
import { safeLine } from '@p2p-chat/shared/text';
import { presenceLabel } from '../model/labels.ts';
import { personLabel } from '../model/names.ts';
import { api, state } from '../model/session.ts';
import { words } from '../words/index.ts';
import { Avatar } from './avatar.tsx';
import { ConversationSettings } from './conversation-settings.tsx';
import { decide, toggleDetails } from './conversation.tsx';
import { Question } from './dialog.tsx';
import { Icon } from './icons.tsx';
import { lazily } from './lazily.tsx';
import { Qr } from './qr.tsx';
import { Badges } from './sidebar.tsx';
import { attempt } from './toast.tsx';

const GroupDetails = lazily(async () => (await import('./group.tsx')).GroupDetails);

/** The third pane: who the other person is, and whether that is sure. */
export function Details({ conversation }: { conversation: string }) {
  const w = words.value;
  const peer = peerOf(state.value, conversation);
  const known = conversationOf(state.value, conversation);
  return (
    <section class="details" aria-label={w.details}>
      <header class="details-head">
        <h2>{w.details}</h2>
        <button type="button" class="icon-button" aria-label={w.close} onClick={toggleDetails}>
          <Icon name="close" />
        </button>
      </header>
      {known?.kind === 'group' && <GroupDetails key={conversation} id={conversation} />}
      {peer !== undefined && <Person key={peer.peerId} peer={peer} />}
    </section>
  );
}

function Person({ peer }: { peer: PeerView }) {
  const w = words.value;
  const [asking, setAsking] = useState(false);
  return (
    <div class="details-body">
      <div class="person">
        <Avatar name={peer.user} id={peer.peerId} peer={peer} />
        <p class="person-name">
          {personLabel(peer)} <Badges peer={peer} />
        </p>
        <p class="faint">
          {presenceLabel(peer)}
          {peer.online && peer.status !== undefined && ` · ${safeLine(peer.status)}`}
        </p>
      </div>
      <SafetyNumber peer={peer} />
      <ConversationSettings id={peer.conversation} />
      <dl class="facts">
        <dt>{w.peerId}</dt>
        <dd class="code">{peer.peerId}</dd>
        {peer.host !== null && (
          <>
            <dt>{w.address}</dt>
            <dd class="code">
              {safeLine(peer.host)}
              {peer.port !== null && `:${peer.port}`}
            </dd>
          </>
        )}
      </dl>
      {peer.blocked ? (
        <button type="button" class="button wide" onClick={() => decide(() => api().unblock(peer.peerId))}>
          {w.unblock}
        </button>
      ) : (
        <button type="button" class="button danger wide" onClick={() => setAsking(true)}>
          {w.block}
        </button>
      )}
      {asking && (
        <Question
          title={w.blockQuestion(personLabel(peer))}
          text={w.blockHelp}
          yes={w.block}
          onYes={() => decide(() => api().block(peer.peerId))}
          onClose={() => setAsking(false)}
        />
      )}
    </div>
  );
}

function SafetyNumber({ peer }: { peer: PeerView }) {
  const w = words.value;
  const [number, setNumber] = useState<SafetyNumberView | null>(null);
  useEffect(() => attempt(async () => setNumber(await api().safetyNumber(peer.peerId))), [peer.peerId]);
  if (number === null) return null;
  return (
    <section class="safety" aria-label={w.safetyNumber}>
      <h3>{w.safetyNumber}</h3>
      <div class="safety-both">
        <ol class="safety-groups" dir="ltr">
          {number.safetyNumber.split(' ').map((group) => (
            <li>{group}</li>
          ))}
        </ol>
        <Qr text={number.safetyNumber} label={w.safetyQr} />
      </div>
      <p class="faint">{w.safetyHelp}</p>
      <button
        type="button"
        class={`button wide ${peer.verified ? '' : 'primary'}`}
        onClick={() => decide(() => api().setVerified(peer.peerId, !peer.verified))}
      >
        {peer.verified ? w.unmarkVerified : w.markVerified}
      </button>
    </section>
  );
}
