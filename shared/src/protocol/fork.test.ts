import { describe, expect, it } from 'vitest';
import { vectorAlice, vectorBob } from '../testing/vectors.js';
import { type Batch, type BatchHeader, createBatch, hex, type Tip, tipOf } from './batch.js';
import { forkBetween, forkProof, type ForkProof, provenFork } from './fork.js';
import {
  MAX_BATCH_ENTRIES,
  MAX_FOLLOWED_TIPS,
  MAX_FORK_DETAIL_BYTES,
  MAX_JSON_FRAME_BYTES,
  MAX_ROSTER_PARENTS,
} from './limits.js';
import { createOperation, operationText, verifyOperation } from './roster-operation.js';

const alice = vectorAlice();
const CONVERSATION = 'ci5qtjn7xk5fnnpgddexlvcdcouv2c74cobu6hcqfgyvohscqbdq';
const SEGMENT = '000102030405060708090a0b0c0d0e0f';
const KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const publicKey = Uint8Array.from(Buffer.from(KEY, 'hex'));
const signer = { publicKey, sha256: alice.sha256, sign: alice.sign };
const verifier = {
  sha256: alice.sha256,
  verifyWith: (key: Uint8Array, message: Uint8Array, signature: Uint8Array) =>
    hex(key) === KEY && alice.verify(alice.peerId, message, signature),
};

function batch(body: string, header: Partial<BatchHeader> = {}, by = vectorAlice()): Batch {
  const place = { conversation: CONVERSATION, author: by.peerId, segment: SEGMENT, first: 1, follows: [] };
  const entry = {
    clock: '019ad73584000001',
    sentAt: 1_764_547_200_000,
    content: `{"kind":"text","body":"${body}"}`,
  };
  return createBatch({ ...place, ...header }, [entry], by);
}

function operation(batches: ForkProof, person = alice.peerId, key = KEY) {
  const head = { conversation: CONVERSATION, clock: '019ad73584000002', parents: ['0'.repeat(64)] };
  return createOperation({ ...head, detail: { kind: 'fork', person, key, batches } }, signer);
}

const before: Tip = { segment: SEGMENT, seq: 4, clock: '019ad73584000000', hash: 'a'.repeat(64) };
const second = { first: 5, follows: [before] };

describe('the proof of a fork', () => {
  it('is that of docs/protocol.md, and the same in whatever order the batches came', () => {
    const [one, two] = [batch('one'), batch('two')];
    const proof = forkProof(one, two, alice.sha256);
    expect(forkProof(two, one, alice.sha256)).toEqual(proof);
    for (const bare of proof) expect(Buffer.from(bare, 'base64').includes('text')).toBe(false);
    expect([one.hash, two.hash, operation(proof).hash]).toEqual([
      '9e02bcc1af648f6367e694fd0268d669a283230189c99c2acd9869aeadacf1b6',
      'bcaf54dad9dde383176996813ae613fa62664ea48b9858de700be6488f0c1b7c',
      '0ad01620fdcb4cd0f64f11eb0a098d51633fdd951d0e6c523c45cb961595d684',
    ]);
  });

  it('says from where on nothing counts', () => {
    expect(provenFork(forkProof(batch('one'), batch('two'), alice.sha256))).toEqual({
      ...{ segment: SEGMENT, first: 1, before: null },
    });
    const proof = forkProof(batch('one', second), batch('two', second), alice.sha256);
    expect(provenFork(proof)).toEqual({ segment: SEGMENT, first: 5, before });
    expect(verifyOperation(operation(proof).bytes, verifier).detail).toMatchObject({ batches: proof });
  });

  it.each([
    ['one batch twice', batch('one'), batch('one')],
    ['two places of a feed', batch('one'), batch('two', second)],
    ['two segments', batch('one'), batch('two', { segment: 'f'.repeat(32) })],
    ['two conversations', batch('one'), batch('two', { conversation: alice.peerId })],
    ['two authors', batch('one'), batch('two', {}, vectorBob())],
    [
      'branches that part before',
      batch('one', second),
      batch('two', { ...second, follows: [{ ...before, hash: 'b'.repeat(64) }] }),
    ],
  ])('is not made of %s, and one that was is refused', (_, one, two) => {
    expect(forkBetween(one, two)).toBeNull();
    const { bytes } = operation(forkProof(one, two, alice.sha256));
    expect(() => verifyOperation(bytes, verifier)).toThrow(/proves no fork|not signed/);
  });

  it('is refused with the key of somebody else, of another group, in another order, and unsigned', () => {
    const proof = forkProof(batch('one'), batch('two'), alice.sha256);
    const refused = (one: ReturnType<typeof operation>) => expect(() => verifyOperation(one.bytes, verifier));
    refused(operation(proof, vectorBob().peerId)).toThrow(/somebody else/);
    refused(operation([proof[1], proof[0]])).toThrow(/proves no fork/);
    refused(operation(['AAAA', proof[1]])).toThrow(/too short/);
    refused(operation(['?', proof[1]])).toThrow(/not base64/);
    const elsewhere = { conversation: alice.peerId };
    refused(operation(forkProof(batch('one', elsewhere), batch('two', elsewhere), alice.sha256))).toThrow(
      /no fork/,
    );
    const unsigned = batch('two', {}, { ...vectorAlice(), sign: () => new Uint8Array(64) });
    refused(operation(forkProof(batch('one'), unsigned, alice.sha256))).toThrow(/not signed/);
  });

  it('fits a detail and a frame with the largest batches', () => {
    const tips = Array.from({ length: MAX_FOLLOWED_TIPS }, (_, nth) => ({
      ...tipOf(batch('one')),
      segment: (nth + 1).toString(16).padStart(32, '0'),
      clock: '019ad73584000000',
    }));
    const largest = (body: string): Batch => {
      const entries = Array.from({ length: MAX_BATCH_ENTRIES }, (_, nth) => ({
        clock: (0x019ad73584000001n + BigInt(nth)).toString(16).padStart(16, '0'),
        sentAt: 1,
        content: `{"kind":"text","body":"${body}"}`,
      }));
      const header = {
        conversation: CONVERSATION,
        author: alice.peerId,
        segment: SEGMENT,
        first: 1,
        follows: tips,
      };
      return createBatch(header, entries, vectorAlice());
    };
    const head = { conversation: CONVERSATION, clock: '019ad73584000002' };
    const parents = Array.from({ length: MAX_ROSTER_PARENTS }, (_, nth) =>
      nth.toString(16).padStart(64, '0'),
    );
    const batches = forkProof(largest('one'), largest('two'), alice.sha256);
    const detail = { kind: 'fork', person: alice.peerId, key: KEY, batches } as const;
    const { bytes } = createOperation({ ...head, parents, detail }, signer);
    expect(JSON.stringify(detail).length).toBeLessThanOrEqual(MAX_FORK_DETAIL_BYTES);
    expect(operationText(bytes).length + 1_024).toBeLessThan(MAX_JSON_FRAME_BYTES);
    expect(verifyOperation(bytes, verifier).detail).toEqual(detail);
    const more = { ...detail, batches: [`${batches[0]}${'A'.repeat(8_192)}`, batches[1]] as const };
    expect(() =>
      verifyOperation(createOperation({ ...head, parents, detail: more }, signer).bytes, verifier),
    ).toThrow(/too large/);
  });
});
