import type { MessageState } from '@p2p-chat/shared';

/** What `send --wait` can wait for. */
export const AWAITED_STATES = ['queued', 'delivered', 'read'] as const satisfies readonly MessageState[];

/** What `completion` prints: the script of a shell, or what the scripts ask for. */
export const COMPLETIONS = ['bash', 'zsh', 'fish', 'names'] as const;

export const EXPORT_FORMATS = ['json', 'markdown'] as const;

/** How what can be on or off is set. */
export const SWITCH = ['on', 'off'] as const;
