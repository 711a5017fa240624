import { useEffect, useState } from 'preact/hooks';
import { type FileRuleView, type GroupView, MUTE_LEVELS, type MuteLevel } from '@p2p-chat/shared/control';
import { conversationOf, withConversation } from '@p2p-chat/shared/client';
import { sizeLabel } from '../model/labels.ts';
import { api, live, state } from '../model/session.ts';
import { words } from '../words/index.ts';
import { Choice } from './fields.tsx';
import { attempt } from './toast.tsx';

/** Up to which sizes files may come by themselves, in bytes. */
const SIZES = [1e6, 1e7, 1e8, 1e9];

/** What of a conversation notifies, and whether its files come by themselves. */
export function ConversationSettings({ id }: { id: string }) {
  const w = words.value;
  const known = conversationOf(state.value, id);
  const [rule, setRule] = useState<FileRuleView | null>(null);
  useEffect(() => attempt(async () => setRule(await api().fileRule(id))), [id]);
  if (known === undefined) return null;
  const mute = (level: MuteLevel): void =>
    attempt(async () => {
      await api().mute(id, level);
      live().store.update((now) => withConversation(now, { ...known, mute: level }));
    });
  const { fetch, upTo = 0 } = rule ?? { fetch: 'ask' };
  const sizes = fetch === 'always' && !SIZES.includes(upTo) ? [...SIZES, upTo] : SIZES;
  return (
    <section class="conversation-settings" aria-label={w.conversationSettings}>
      <h3>{w.conversationSettings}</h3>
      <Choice
        label={w.notifications}
        value={known.mute ?? 'all'}
        options={MUTE_LEVELS.map((one) => [one, w.muteLevels[one]])}
        onChange={mute}
      />
      {rule !== null && (
        <Choice
          label={w.fileRule}
          value={fetch === 'always' ? String(upTo) : fetch}
          options={[
            ['ask', w.filesAsk],
            ...sizes.map((one): [string, string] => [String(one), w.filesUpTo(sizeLabel(one))]),
            ['never', w.filesNever],
          ]}
          onChange={(chosen) => {
            const next: FileRuleView =
              chosen === 'ask' || chosen === 'never'
                ? { fetch: chosen }
                : { fetch: 'always', upTo: Number(chosen) };
            attempt(async () => setRule(await api().setFileRule(id, next)));
          }}
        />
      )}
    </section>
  );
}

/** Days of history that newcomers may get. */
const DAYS = [1, 7, 30, 365];

/** What newcomers of a group get of what was written before: for its admins. */
export function HistoryChoice({
  group: { history },
  onChange,
}: {
  group: GroupView;
  onChange: (history: GroupView['history']) => void;
}) {
  const w = words.value;
  const days = typeof history === 'number' && !DAYS.includes(history) ? [...DAYS, history] : DAYS;
  return (
    <Choice
      label={w.newcomersGet}
      value={String(history)}
      options={[
        ['join', w.historyNothing],
        ...days.map((one): [string, string] => [String(one), w.historyDays(one)]),
        ['all', w.historyAll],
      ]}
      onChange={(chosen) => onChange(chosen === 'join' || chosen === 'all' ? chosen : Number(chosen))}
    />
  );
}
