import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { MAX_BODY_BYTES } from '@p2p-chat/shared/protocol/limits';
import type { MemberView, MessageView } from '@p2p-chat/shared/control';
import { mentionable, withMention } from '@p2p-chat/shared/client';
import { safeLine } from '@p2p-chat/shared/text';
import { messageText } from '../model/labels.ts';
import { authorLabel } from '../model/names.ts';
import { api, state } from '../model/session.ts';
import { words } from '../words/index.ts';
import { EmojiPicker } from './emoji-picker.tsx';
import { Icon } from './icons.tsx';

/** What is written refers to another message: it answers it, or takes its place. */
export interface Reference {
  kind: 'reply' | 'edit';
  message: MessageView;
}

interface ComposerProps {
  conversation: string;
  reference: Reference | null;
  text: string;
  onText: (text: string) => void;
  onSend: (body: string, confirm: boolean) => void;
  onCancel: () => void;
  onFiles: (files: readonly File[]) => void;
  onWrite: () => void;
}

/** People that are offered after an `@`. */
const MAX_CALLABLE = 6;

const encoder = new TextEncoder();

/** Where a message is written. What is in it is kept until it was sent. */
export function Composer(props: ComposerProps) {
  const { conversation, reference, text, onText, onSend, onCancel, onFiles, onWrite } = props;
  const w = words.value;
  const field = useRef<HTMLTextAreaElement>(null);
  const [picking, setPicking] = useState(false);
  const [confirm, setConfirm] = useState(false);
  const [cursor, setCursor] = useState(text.length);
  const [members, setMembers] = useState<readonly MemberView[]>([]);
  const calls = text.includes('@');
  useEffect(() => {
    if (!calls) return;
    // Without them nobody is offered.
    api()
      .members(conversation)
      .then(setMembers)
      .catch(() => undefined);
  }, [conversation, calls]);
  const over = text.length * 3 > MAX_BODY_BYTES ? encoder.encode(text).length - MAX_BODY_BYTES : 0;

  useLayoutEffect(() => {
    const area = field.current;
    if (area === null || CSS.supports('field-sizing', 'content')) return;
    area.style.blockSize = 'auto';
    area.style.blockSize = `${area.scrollHeight}px`;
  }, [text, conversation]);
  useEffect(() => {
    // Not on a touch screen: the keyboard would cover what one came to read.
    if (matchMedia('(hover: hover)').matches) field.current?.focus();
  }, [conversation, reference]);

  const send = (): void => {
    if (text.trim() === '' || over > 0) return;
    onSend(text, confirm);
    setConfirm(false);
    field.current?.focus();
  };
  const insert = (emoji: string): void => {
    const area = field.current;
    const at = area?.selectionStart ?? text.length;
    onText(text.slice(0, at) + emoji + text.slice(area?.selectionEnd ?? at));
    setPicking(false);
    putCursor(at + emoji.length);
  };
  const putCursor = (at: number): void => {
    setCursor(at);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(at, at);
    });
  };
  const callable = text.includes('@') ? mentionable({ text, cursor }, members).slice(0, MAX_CALLABLE) : [];
  const call = (user: string): void => {
    const next = withMention({ text, cursor }, user);
    onText(next.text);
    putCursor(next.cursor);
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {over > 0 && (
        <p class="problem" role="alert">
          {w.tooLong(over)}
        </p>
      )}
      {reference !== null && (
        <div class="reference">
          <span class="reference-text">
            <strong>
              {reference.kind === 'edit'
                ? w.editing
                : w.replyTo(authorLabel(reference.message, state.value.peers))}
            </strong>{' '}
            {safeLine(messageText(reference.message))}
          </span>
          <button type="button" class="icon-button" aria-label={w.cancel} onClick={onCancel}>
            <Icon name="close" />
          </button>
        </div>
      )}
      {callable.length > 0 && (
        <div class="callable" role="group" aria-label={w.mention}>
          {callable.map(({ peerId, user }) => (
            <button key={peerId} type="button" class="chip" tabIndex={-1} onClick={() => call(user)}>
              @{safeLine(user)}
            </button>
          ))}
        </div>
      )}
      <div class="composer-row">
        <Chooser icon="clip" label={w.attach} onFiles={onFiles} />
        <Chooser icon="folder" label={w.attachFolder} onFiles={onFiles} folder />
        <button
          type="button"
          id="emoji-button"
          class="icon-button"
          aria-label={w.emoji}
          title={w.emoji}
          aria-haspopup="dialog"
          onClick={() => setPicking(true)}
        >
          <Icon name="emoji" />
        </button>
        <textarea
          id="composer"
          ref={field}
          rows={1}
          dir="auto"
          placeholder={w.write}
          aria-label={w.write}
          value={text}
          onInput={(event) => {
            onText(event.currentTarget.value);
            setCursor(event.currentTarget.selectionStart);
            onWrite();
          }}
          onSelect={(event) => setCursor(event.currentTarget.selectionStart)}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])];
            if (files.length === 0) return;
            event.preventDefault();
            onFiles(files);
          }}
          onKeyDown={(event) => {
            const [first] = callable;
            if (event.key === 'Tab' && !event.shiftKey && first !== undefined) {
              event.preventDefault();
              return call(first.user);
            }
            if (event.key === 'Escape' && reference !== null) {
              event.preventDefault();
              onCancel();
              return;
            }
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button
          type="button"
          class="icon-button"
          aria-label={w.askConfirm}
          title={w.askConfirm}
          aria-pressed={confirm}
          onClick={() => setConfirm(!confirm)}
        >
          <Icon name="check" />
        </button>
        <button
          type="submit"
          class="send"
          aria-label={w.send}
          title={w.send}
          disabled={text.trim() === '' || over > 0}
        >
          <Icon name="send" />
        </button>
      </div>
      {picking && <EmojiPicker onPick={insert} onClose={() => setPicking(false)} />}
    </form>
  );
}

interface ChooserProps {
  icon: 'clip' | 'folder';
  label: string;
  /** Whether it is for a folder, with all that is in it. */
  folder?: boolean;
  onFiles: (files: readonly File[]) => void;
}

function Chooser({ icon, label, folder = false, onFiles }: ChooserProps) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class={`icon-button choose-${icon}`}
        aria-label={label}
        title={label}
        onClick={() => input.current?.click()}
      >
        <Icon name={icon} />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        {...(folder ? { webkitdirectory: true } : {})}
        hidden
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
    </>
  );
}
