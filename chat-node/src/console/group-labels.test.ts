import type { GroupChangeView, GroupMemberView, MessageView } from '@p2p-chat/shared';
import { describe, expect, it } from 'vitest';
import { changeLine, memberRemark, recipientsLabel } from './group-labels.js';
import { messageText } from './message-text.js';

const dan: GroupMemberView = {
  ...{ peerId: 'dan', user: 'Dan', role: 'member', state: 'member', self: false, online: true },
  ...{ verified: false, blocked: false, ambiguous: false, keyAlarm: false, forked: false },
};
const forked: GroupChangeView = { kind: 'fork', by: 'ann', user: 'Ann', person: 'dan', personUser: 'Dan' };

describe('who signed two messages as one', () => {
  it('is named in the conversation, and among the members', () => {
    expect(changeLine(forked)).toBe(
      'Dan signed two messages as one: both are hidden, and what followed them there',
    );
    expect(messageText({ kind: 'roster', body: '', change: forked })).toBe(changeLine(forked));
    expect(memberRemark(dan)).toBe('');
    expect(memberRemark({ ...dan, forked: true })).toBe('SIGNED TWO MESSAGES AS ONE');
  });
});

describe('a change of a group', () => {
  it('obeys nothing of what others wrote', () => {
    const evil = '\u001b]52;c;aGk=\u0007\u202e\n';
    const change: GroupChangeView = { kind: 'rename', by: 'ann', user: evil, name: evil };
    // eslint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(changeLine(change)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/u);
  });
});

it('what has become of a message in a group says so where nobody was there to get it', () => {
  const message = (recipients: string[], delivered: string[]): MessageView => ({
    ...{ id: 'a', conversation: 'c', author: 'ann', user: 'Ann', direction: 'out', kind: 'text', body: '' },
    ...{ clock: '', sentAt: '', receivedAt: null, state: 'queued', recipients, delivered, read: [] },
  });
  expect(recipientsLabel(message(['ben', 'cat'], ['ben']))).toBe('delivered to 1 of 2');
  expect(recipientsLabel(message([], []))).toBe('nobody else was in');
});
