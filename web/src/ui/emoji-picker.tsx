import { useEffect, useState } from 'preact/hooks';
import { type Emoji, emojiOf, findEmoji } from '../model/emoji.ts';
import { language, words } from '../words/index.ts';
import { Dialog } from './dialog.tsx';

/** Emoji shown at once: more than anybody looks through; a search finds the others. */
const MAX_SHOWN = 400;

/** Emoji to choose from, by group or by words. */
export function EmojiPicker({ onPick, onClose }: { onPick: (emoji: string) => void; onClose: () => void }) {
  const w = words.value;
  const [all, setAll] = useState<readonly Emoji[]>([]);
  const [query, setQuery] = useState('');
  const [group, setGroup] = useState(0);
  useEffect(() => {
    void emojiOf(language.value).then(setAll);
  }, []);
  const shown = query.trim() === '' ? all.filter((one) => one[1] === group) : findEmoji(all, query);
  const onKeyDown = (event: KeyboardEvent): void => {
    const buttons = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLButtonElement>('.emoji')];
    const now = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (now < 0) return;
    const columns = Math.max(1, buttons.filter((one) => one.offsetTop === buttons[0]?.offsetTop).length);
    const forward = getComputedStyle(document.documentElement).direction === 'rtl' ? -1 : 1;
    const steps: Partial<Record<string, number>> = {
      ArrowRight: forward,
      ArrowLeft: -forward,
      ArrowDown: columns,
      ArrowUp: -columns,
    };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    buttons[Math.min(buttons.length - 1, Math.max(0, now + by))]?.focus();
  };
  return (
    <Dialog title={w.emoji} onClose={onClose} class="emoji-dialog">
      <input
        type="search"
        class="field"
        placeholder={w.emojiSearch}
        aria-label={w.emojiSearch}
        autocomplete="off"
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return;
          event.preventDefault();
          const [first] = shown;
          if (first !== undefined) onPick(first[0]);
        }}
      />
      {query.trim() === '' && (
        <div class="emoji-groups">
          {w.emojiGroups.map((name, at) =>
            name === '' ? null : (
              <button type="button" class="chip" aria-pressed={at === group} onClick={() => setGroup(at)}>
                {name}
              </button>
            ),
          )}
        </div>
      )}
      <div class="emoji-grid" onKeyDown={onKeyDown}>
        {shown.slice(0, MAX_SHOWN).map(([emoji, , label], at) => (
          <button
            key={emoji}
            type="button"
            class="emoji"
            aria-label={label}
            title={label}
            tabIndex={at === 0 ? 0 : -1}
            onClick={() => onPick(emoji)}
          >
            {emoji}
          </button>
        ))}
        {shown.length === 0 && all.length > 0 && <p class="faint">{w.foundNothing}</p>}
      </div>
    </Dialog>
  );
}
