import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { MAX_BODY_BYTES } from '@p2p-chat/shared/protocol/limits';
import type { MessageView } from '@p2p-chat/shared/control';
import { safeLine } from '@p2p-chat/shared/text';
import { messageText } from '../model/labels.ts';
import { authorLabel } from '../model/names.ts';
import { state } from '../model/session.ts';
import { drafts, keepDraft } from '../model/drafts.ts';
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
  onSend: (body: string, confirm: boolean) => void;
  onCancel: () => void;
  onFiles: (files: readonly File[]) => void;
  onWrite: () => void;
}

const encoder = new TextEncoder();

/** Where a message is written. What is in it is kept until it was sent. */
export function Composer({ conversation, reference, onSend, onCancel, onFiles, onWrite }: ComposerProps) {
  const w = words.value;
  const field = useRef<HTMLTextAreaElement>(null);
  const [picking, setPicking] = useState(false);
  const [confirm, setConfirm] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const text = drafts.value[conversation] ?? '';
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
    keepDraft(conversation, '');
    field.current?.focus();
  };
  const insert = (emoji: string): void => {
    const area = field.current;
    const at = area?.selectionStart ?? text.length;
    keepDraft(conversation, text.slice(0, at) + emoji + text.slice(area?.selectionEnd ?? at));
    setPicking(false);
    requestAnimationFrame(() => {
      area?.focus();
      area?.setSelectionRange(at + emoji.length, at + emoji.length);
    });
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
      <div class="composer-row">
        <button
          type="button"
          class="icon-button"
          aria-label={w.attach}
          title={w.attach}
          onClick={() => chooser.current?.click()}
        >
          <Icon name="clip" />
        </button>
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            onFiles([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = '';
          }}
        />
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
            keepDraft(conversation, event.currentTarget.value);
            onWrite();
          }}
          onPaste={(event) => {
            const files = [...(event.clipboardData?.files ?? [])];
            if (files.length === 0) return;
            event.preventDefault();
            onFiles(files);
          }}
          onKeyDown={(event) => {
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
