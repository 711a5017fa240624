import type { Clock, ControlEvent, MessageView } from '@p2p-chat/shared';
import { peerLabel } from './labels.js';
import type { LiveView } from '@p2p-chat/shared/client';
import {
  BELL,
  desktopSequence,
  RESTORE_TITLE,
  SAVE_TITLE,
  titleSequence,
  type Notifications,
} from './notifications.js';
import { isNotified, peerOf, totalUnread, type ViewState } from '@p2p-chat/shared/client';

/** A burst of messages rings once in this time, in milliseconds. */
const QUIET_MS = 2_000;

/** Says by bell, title and desktop that somebody wrote, while one looks elsewhere. */
export class Notifier {
  #rangAt = -Infinity;
  #title = '';
  #stop: () => void = () => undefined;

  constructor(
    private readonly view: Pick<LiveView, 'store' | 'onEvent'>,
    private readonly output: Pick<NodeJS.WriteStream, 'write'>,
    private readonly use: Notifications,
    private readonly clock: Clock,
  ) {}

  start(): void {
    if (this.use.title) this.output.write(SAVE_TITLE);
    const ends = [
      this.view.store.subscribe(() => this.#retitle()),
      this.view.onEvent((event) => this.#take(event)),
    ];
    this.#stop = () => ends.forEach((end) => end());
    this.#retitle();
  }

  stop(): void {
    this.#stop();
    this.#stop = () => undefined;
    if (this.#title !== '') this.output.write(RESTORE_TITLE);
    this.#title = '';
  }

  #retitle(): void {
    if (!this.use.title) return;
    const state = this.view.store.get();
    const unread = totalUnread(state);
    const user = state.me === null ? '' : ` · ${state.me.user}`;
    const title = `${unread > 0 ? `(${unread}) ` : ''}p2p-chat${user}`;
    if (title === this.#title) return;
    this.#title = title;
    this.output.write(titleSequence(title));
  }

  #take(event: ControlEvent): void {
    if (event.type !== 'message' && event.type !== 'reminder' && event.type !== 'mention') return;
    const state = this.view.store.get();
    const messages = event.type === 'message' ? event.messages : [event.message];
    const message = messages.findLast((one) => this.#isNews(one, state, event.type !== 'message'));
    if (message === undefined) return;
    const now = this.clock.monotonic();
    if (now - this.#rangAt < QUIET_MS) return;
    this.#rangAt = now;
    if (this.use.bell) this.output.write(BELL);
    const peer = peerOf(state, message.conversation);
    const from = peer === undefined ? message.user : peerLabel(peer);
    if (this.use.desktop !== null) this.output.write(desktopSequence(this.use.desktop, from, message));
  }

  #isNews(message: MessageView, state: ViewState, calls: boolean): boolean {
    const { conversation } = message;
    if (!isNotified(state, message, calls)) return false;
    // Who looks at the conversation sees it come.
    return conversation !== state.open || !state.attentive;
  }
}
