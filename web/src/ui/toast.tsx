import { signal } from '@preact/signals';
import { errorMessage } from '@p2p-chat/shared/errors';
import { safeLine } from '@p2p-chat/shared/text';
import { said, words } from '../words/index.ts';

/** What became of the last action. */
const toast = signal<string | null>(null);
let timer = 0;

const SHOWN_MS = 6_000;

export function show(text: string): void {
  toast.value = text;
  clearTimeout(timer);
  timer = setTimeout(() => (toast.value = null), SHOWN_MS);
}

/** Runs an action; where it fails, says so. */
export function attempt(action: () => Promise<unknown>): void {
  action().catch((error: unknown) =>
    show(`${words.value.nothingChanged} ${said(safeLine(errorMessage(error)))}`),
  );
}

export function Toast() {
  return (
    <div class="toast-place" role="status">
      {toast.value !== null && <p class="toast">{toast.value}</p>}
    </div>
  );
}
