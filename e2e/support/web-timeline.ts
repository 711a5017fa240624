/** What the tests of the page see of a conversation in it. */
import type { Locator, Page } from 'playwright-core';

/** Resolves when a list has drawn five frames without moving or growing. */
export function settled(list: Locator): Promise<void> {
  return list.evaluate(
    (element) =>
      new Promise((done) => {
        let [before, still] = ['', 0];
        const look = (): void => {
          const now = `${element.scrollTop} ${element.scrollHeight}`;
          still = now === before ? still + 1 : 0;
          before = now;
          if (still === 5) done();
          else requestAnimationFrame(look);
        };
        look();
      }),
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
