import { parseStatusText, parseUserName, type PresenceState } from '@p2p-chat/shared';
import { ChatError } from '../errors.js';
import type { ChatEvents } from '../events.js';
import type { ProfileSettings, ProfileStore } from '../ports/profile.store.js';

/** What cannot be changed while the node runs, by the variable of the environment that sets it. */
export type FixedSettings = Readonly<Partial<Record<'receipts' | 'typing', string>>>;

/** What the user of this node shows to others and has set. The key is no part of it: a new name is the same peer. */
export class OwnProfile {
  #settings: ProfileSettings;
  #idle = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    initial: ProfileSettings,
    private readonly store: ProfileStore,
    private readonly events: ChatEvents,
    readonly fixed: FixedSettings = {},
  ) {
    this.#settings = initial;
  }

  get settings(): Readonly<ProfileSettings> {
    return this.#settings;
  }

  /** The presence that others see: one who is there but presses no key is away. */
  get shown(): PresenceState {
    const { presence } = this.#settings;
    return presence === 'online' && this.#idle ? 'away' : presence;
  }

  /**
   * Changes settings; durable when it resolves.
   * @throws {ChatError} `setting-fixed`
   * @throws {P2pChatError} `invalid-user-name` or `invalid-status`
   * @throws {StorageError}
   */
  async change(change: Readonly<Partial<ProfileSettings>>): Promise<void> {
    for (const setting of ['receipts', 'typing'] as const) {
      const variable = this.fixed[setting];
      if (variable === undefined || change[setting] === undefined) continue;
      if (change[setting] === this.#settings[setting]) continue;
      throw new ChatError('setting-fixed', `${variable} sets this, and it wins over the profile.`, {
        hint: `Unset ${variable} and start the node again.`,
      });
    }
    const { user, presence, status, receipts, typing } = change;
    const valid: Partial<ProfileSettings> = {
      ...(user === undefined ? {} : { user: parseUserName(user) }),
      ...(presence === undefined ? {} : { presence }),
      ...(status === undefined ? {} : { status: parseStatusText(status) }),
      ...(receipts === undefined ? {} : { receipts }),
      ...(typing === undefined ? {} : { typing }),
    };
    // One after the other: the second of two changes starts from the first.
    const saved = this.#saving.then(async () => {
      const next = { ...this.#settings, ...valid };
      await this.store.save(next);
      this.#settings = next;
    });
    this.#saving = saved.catch(() => undefined);
    await saved;
    this.events.publish({ type: 'profile' });
  }

  /** Notes whether nobody has been at the keys for a while. */
  setIdle(idle: boolean): void {
    if (this.#idle === idle) return;
    this.#idle = idle;
    this.events.publish({ type: 'profile' });
  }
}
