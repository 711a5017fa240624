import { expect, it } from 'vitest';
import { mentionable, withMention } from './mention-completion.js';

const MEMBERS = ['Zoë Müller', 'Alice', 'Bob', 'Bo'].map((user) => ({
  peerId: user,
  user,
  self: user === 'Alice',
}));

it.each([
  ['ask @b| later', ['Bo', 'Bob'], 'ask @Bo | later'],
  ['@z|', ['Zoë Müller'], '@Zoë Müller |'],
  ['@|', ['Bo', 'Bob', 'Zoë Müller'], '@Bo |'],
  ['@al|', [], null],
  ['me@b|', [], null],
  ['@b |', [], null],
])('%j is for %j', (written, names, completed) => {
  const cursor = written.indexOf('|');
  const draft = { text: written.replace('|', ''), cursor };
  const found = mentionable(draft, MEMBERS).map(({ user }) => user);
  expect(found).toEqual(names);
  if (completed === null) return;
  const { text, cursor: at } = withMention(draft, found[0]!);
  expect(`${text.slice(0, at)}|${text.slice(at)}`).toBe(completed);
});
