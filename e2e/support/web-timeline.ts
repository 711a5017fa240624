/** What the tests of the page see of a conversation in it. */
import type { Locator, Page } from 'playwright-core';

/** After a jump to a place, the list returns there for 150 ms whenever rows are measured: in frames, and some more. */
export const AT_REST = 15;

/** Resolves when a list has drawn some frames without moving or growing. */
export function settled(list: Locator, frames = 5): Promise<void> {
  return list.evaluate(
    (element, enough) =>
      new Promise((done) => {
        let [before, still] = ['', 0];
        const look = (): void => {
          const now = `${element.scrollTop} ${element.scrollHeight}`;
          still = now === before ? still + 1 : 0;
          before = now;
          if (still === enough) done();
          else requestAnimationFrame(look);
        };
        look();
      }),
    frames,
  );
}

/** The texts of the messages that are on the screen. */
export function visibleMessages(page: Page): Promise<string[]> {
  return page
    .locator('.timeline .bubble')
    .evaluateAll((bubbles) =>
      bubbles
        .filter(
          (one) =>
            one.getBoundingClientRect().top > 70 && one.getBoundingClientRect().bottom < innerHeight - 90,
        )
        .map((one) => one.textContent ?? ''),
    );
}

/** Where a message stands on the screen; null where it is not in the document. */
export function topOf(page: Page, text: string): Promise<number | null> {
  return page
    .locator('.timeline .bubble')
    .evaluateAll(
      (bubbles, wanted) =>
        bubbles.find((one) => one.textContent === wanted)?.getBoundingClientRect().top ?? null,
      text,
    );
}
