import {
  type Clock,
  DISCOVERY_RATE_REQUESTS,
  DISCOVERY_RATE_WINDOW_MS,
  MAX_RATE_LIMITED_ADDRESSES,
} from '@p2p-chat/shared';

export interface RateLimits {
  /** Requests that one address has in a window. */
  requests: number;
  windowMs: number;
  /** Addresses that are counted apart; whoever comes after them shares one count. */
  addresses: number;
  /** Whether requests from this machine are counted, too. */
  loopback: boolean;
}

const DEFAULT_LIMITS: RateLimits = {
  requests: DISCOVERY_RATE_REQUESTS,
  windowMs: DISCOVERY_RATE_WINDOW_MS,
  addresses: MAX_RATE_LIMITED_ADDRESSES,
  // Who has an account on this machine can stop it in simpler ways.
  loopback: false,
};

const EVERYONE_ELSE = '';

/**
 * Counts requests per address in fixed windows. One window holds for all
 * addresses, so that a request costs one look-up and nothing is swept.
 */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #counts = new Map<string, { count: number }>();
  #windowEnds = 0;

  constructor(
    private readonly clock: Clock,
    limits: Partial<RateLimits> = {},
  ) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /**
   * Counts a request.
   * @param address of the caller
   * @returns 0 where it may go on, else the seconds after which to come back
   */
  take(address: string): number {
    if (!this.#limits.loopback && isLoopback(address)) return 0;
    const now = this.clock.monotonic();
    if (now >= this.#windowEnds) {
      this.#counts.clear();
      this.#windowEnds = now + this.#limits.windowMs;
    }
    const counter = this.#counter(network(address));
    counter.count += 1;
    if (counter.count <= this.#limits.requests) return 0;
    return Math.max(1, Math.ceil((this.#windowEnds - now) / 1_000));
  }

  #counter(key: string): { count: number } {
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    if (this.#counts.size >= this.#limits.addresses && key !== EVERYONE_ELSE)
      return this.#counter(EVERYONE_ELSE);
    const counter = { count: 0 };
    this.#counts.set(key, counter);
    return counter;
  }
}

// A socket's address is in its canonical form; the check for any text costs too much here.
function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

// One host has a whole /64 of IPv6 addresses to itself.
function network(address: string): string {
  if (!address.includes(':')) return address;
  const head = address.split('::')[0] ?? '';
  return head.split(':').slice(0, 4).join(':');
}
