import type { Key, TerminalSession } from './terminal.ts';

/** A step of a new user: what was pressed, and what the screen showed then. */
export interface FirstStep {
  /** What was done, for a person. */
  done: string;
  screen: string;
}

/** What it took from the menu to the first message that was delivered. */
export interface FirstMessage {
  /** Keys that were pressed beside the text of the message. */
  keys: number;
  steps: FirstStep[];
}

const TEXT = 'Hello Bob, this is my first message.';

/**
 * Does what a new user would: from the open console to the first message that
 * was delivered to the only other person, by nothing but what the screens say.
 */
export async function sendFirstMessage(session: TerminalSession, other: string): Promise<FirstMessage> {
  let keys = 0;
  const press = (key: Key): void => {
    keys += 1;
    session.press(key);
  };
  const steps: FirstStep[] = [];
  const saw = (done: string, screen: string): void => void steps.push({ done, screen });

  saw('The console is open, and somebody is there.', await session.until(/Send Messages +1 online/));
  press('down');
  await session.until(/❯ Send Messages/);
  press('enter');
  saw('`↓` `Enter`: to whom?', await session.until(new RegExp(`❯ ${other}`)));
  press('enter');
  await session.until((screen) => screen.includes('No messages yet') && screen.includes('›'));
  session.type(TEXT);
  saw(`\`Enter\`, and the text.`, await session.until(`› ${TEXT}`));
  press('enter');
  saw('`Enter`: it is delivered.', await session.until(`You: ${TEXT} ✓ delivered`));
  return { keys, steps };
}
