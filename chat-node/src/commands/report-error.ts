import { errorMessage, P2pChatError, safeJson, safeLine, safeText, shortPeerId } from '@p2p-chat/shared';
import { ControlError } from '@p2p-chat/shared/client';
import { note, type Io } from './io.js';

/** Says on stderr what went wrong and what to do next; with `json`, as one object. */
export function reportError(io: Io, error: unknown, json: boolean): void {
  const hint = error instanceof P2pChatError ? error.hint : undefined;
  const choices = error instanceof ControlError ? error.choices : [];
  const fields = error instanceof ControlError ? error.fields : [];
  if (json) {
    const code = error instanceof P2pChatError ? error.code : 'internal';
    note(
      io,
      safeJson({
        error: {
          code,
          detail: errorMessage(error),
          ...(hint === undefined ? {} : { hint }),
          ...(choices.length === 0 ? {} : { choices }),
          ...(fields.length === 0 ? {} : { errors: fields }),
        },
      }),
    );
    return;
  }
  note(io, `p2p-chat: ${safeText(errorMessage(error))}`);
  for (const { field, reason } of fields) note(io, `  ${safeLine(field)}: ${safeLine(reason)}`);
  for (const { peerId, user } of choices)
    note(io, `  ${shortPeerId(peerId)}  ${safeLine(user)}  (${safeLine(peerId)})`);
  if (hint !== undefined) note(io, `  ${safeText(hint)}`);
}
