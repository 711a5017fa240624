const COUNTER_MAX = 0xffff;
const MS_DIGITS = 12;
const COUNTER_DIGITS = 4;

/**
 * A hybrid logical clock of one conversation (Kulkarni et al., "Logical
 * Physical Clocks", 2014): 48 bits of milliseconds since 1970 and a counter of
 * 16 bits, written as 16 hexadecimal digits that sort as text.
 *
 * It never goes back and never falls behind what it has seen, so an answer
 * sorts after its question whatever the two machines' clocks say. One clock
 * for each conversation keeps a peer whose clock is years ahead from moving
 * anybody else's.
 */
export class HybridClock {
  #ms = 0;
  #counter = 0;
  /** The milliseconds that `#msDigits` are of: many clocks share them. */
  #written = -1;
  #msDigits = '';

  /** @param last the greatest clock of the conversation; '' for none */
  constructor(last = '') {
    if (last !== '') this.observe(last);
  }

  /** The clock of a new message. @param now wall clock in milliseconds since 1970 */
  next(now: number): string {
    const wall = Math.max(0, Math.floor(now));
    if (wall > this.#ms) {
      this.#ms = wall;
      this.#counter = 0;
    } else if (this.#counter < COUNTER_MAX) {
      this.#counter += 1;
    } else {
      this.#ms += 1;
      this.#counter = 0;
    }
    if (this.#written !== this.#ms) {
      this.#written = this.#ms;
      this.#msDigits = this.#ms.toString(16).padStart(MS_DIGITS, '0');
    }
    return this.#msDigits + this.#counter.toString(16).padStart(COUNTER_DIGITS, '0');
  }

  /** Takes note of the clock of a message that arrived. */
  observe(clock: string): void {
    const ms = Number.parseInt(clock.slice(0, MS_DIGITS), 16);
    const counter = Number.parseInt(clock.slice(MS_DIGITS), 16);
    if (ms > this.#ms || (ms === this.#ms && counter > this.#counter)) {
      this.#ms = ms;
      this.#counter = counter;
    }
  }
}
