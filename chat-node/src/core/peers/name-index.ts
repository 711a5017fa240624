import { nameSkeletons } from '@p2p-chat/shared';

/** Peer ids by the names that they show, found by any name that looks alike. */
export class NameIndex {
  readonly #names = new Map<string, string>();
  readonly #bySkeleton = new Map<string, Set<string>>();

  /** The peer shows this name from now on. @returns whether it is another one than before */
  set(peerId: string, name: string): boolean {
    if (this.#names.get(peerId) === name) return false;
    this.delete(peerId);
    this.#names.set(peerId, name);
    for (const skeleton of nameSkeletons(name)) {
      const peers = this.#bySkeleton.get(skeleton);
      if (peers === undefined) this.#bySkeleton.set(skeleton, new Set([peerId]));
      else peers.add(peerId);
    }
    return true;
  }

  delete(peerId: string): void {
    const name = this.#names.get(peerId);
    if (name === undefined) return;
    this.#names.delete(peerId);
    for (const skeleton of nameSkeletons(name)) {
      const peers = this.#bySkeleton.get(skeleton);
      peers?.delete(peerId);
      if (peers?.size === 0) this.#bySkeleton.delete(skeleton);
    }
  }

  /** Peers whose names look like this one, but for one of them. */
  alike(name: string, except: string): string[] {
    const found = new Set(nameSkeletons(name).flatMap((text) => [...(this.#bySkeleton.get(text) ?? [])]));
    found.delete(except);
    return [...found];
  }

  /** Whether other peers show names that look like this one. */
  isShared(name: string): boolean {
    return nameSkeletons(name).some((text) => (this.#bySkeleton.get(text)?.size ?? 0) > 1);
  }
}
