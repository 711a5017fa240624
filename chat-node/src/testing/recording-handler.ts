import type { IncomingFrame, LinkHandler, PeerLink } from '../core/ports/peer-link.js';

/** A handler that keeps what it is told and lets a test wait for it. */
export class RecordingHandler implements LinkHandler {
  readonly opened: PeerLink[] = [];
  readonly closed: { link: PeerLink; reason: string | null }[] = [];
  readonly frames: IncomingFrame[] = [];
  /** What onFrame waits for. */
  gate: Promise<void> = Promise.resolve();
  /** Peers that may have no link. */
  readonly refused = new Set<string>();
  /** Peers whose links come first. */
  readonly preferred = new Set<string>();
  readonly #watchers = new Set<() => void>();

  prefers(peerId: string): boolean {
    return this.preferred.has(peerId);
  }

  admits(peerId: string): boolean {
    return !this.refused.has(peerId);
  }

  onOpen(link: PeerLink): void {
    this.opened.push(link);
    this.#notify();
  }

  async onFrame(_link: PeerLink, frame: IncomingFrame): Promise<void> {
    this.frames.push(frame);
    this.#notify();
    await this.gate;
  }

  onClosed(link: PeerLink, reason: string | null): void {
    this.closed.push({ link, reason });
    this.#notify();
  }

  /** Links that were opened and not closed. */
  get open(): PeerLink[] {
    return this.opened.filter((link) => !this.closed.some((one) => one.link === link));
  }

  /** Resolves when the condition holds, looked at after each thing that happens. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  #notify(): void {
    for (const look of this.#watchers) look();
  }
}
