import { keyAlarms, withPeer } from '@p2p-chat/shared/client';
import { safeLine } from '@p2p-chat/shared/text';
import type { PeerView } from '@p2p-chat/shared/control';
import { keyAlarmLabel } from '../model/labels.ts';
import { go } from '../model/route.ts';
import { api, live, state } from '../model/session.ts';
import { said, words } from '../words/index.ts';
import { Icon } from './icons.tsx';
import { attempt } from './toast.tsx';

/** What is wrong and what to do, above everything: the same as in the console. */
export function Banners() {
  const [alarm] = keyAlarms(state.value);
  const problem = problemText();
  return (
    <div class="banners">
      {alarm !== undefined && <KeyAlarm peer={alarm} />}
      {problem !== null && (
        <p class={`banner ${problem.grave ? 'grave' : ''}`} role="alert">
          <Icon name="warning" />
          <span>{problem.text}</span>
        </p>
      )}
    </div>
  );
}

function problemText(): { text: string; grave: boolean } | null {
  const { connection, me } = state.value;
  if (connection.state === 'lost') {
    const { reconnecting, nodeAwayHelp } = words.value;
    return { text: `${said(safeLine(connection.detail))} ${reconnecting} ${nodeAwayHelp}`, grave: true };
  }
  const [worst] = me?.problems ?? [];
  if (worst !== undefined) {
    return { text: `${said(safeLine(worst.detail))} ${said(safeLine(worst.hint))}`.trim(), grave: true };
  }
  const [failing] = me?.discovery.filter((source) => source.state === 'failing') ?? [];
  if (failing === undefined) return null;
  const detail = safeLine(failing.detail);
  return {
    text: detail.includes(failing.source) ? detail : `${safeLine(failing.source)}: ${detail}`,
    grave: false,
  };
}

/** As loud as it must be: it stays on every screen until somebody has seen it. */
function KeyAlarm({ peer }: { peer: PeerView }) {
  const w = words.value;
  const decide = (action: () => Promise<PeerView>): void =>
    attempt(async () => {
      const changed = await action();
      live().store.update((now) => withPeer(now, changed));
    });
  return (
    <section class="banner alarm" role="alert" aria-label={w.otherKey}>
      <Icon name="warning" />
      <div>
        <p>
          <strong>{keyAlarmLabel(peer)}</strong>
        </p>
        <p>{w.keyAlarmHelp}</p>
        <div class="buttons">
          <button type="button" class="button" onClick={() => decide(() => api().sawAlarm(peer.peerId))}>
            {w.keyAlarmSeen}
          </button>
          <button
            type="button"
            class="button"
            onClick={() => go({ at: 'conversation', id: peer.conversation, details: true })}
          >
            {w.keyAlarmCompare}
          </button>
          <button type="button" class="button danger" onClick={() => decide(() => api().block(peer.peerId))}>
            {w.keyAlarmBlock}
          </button>
        </div>
      </div>
    </section>
  );
}
