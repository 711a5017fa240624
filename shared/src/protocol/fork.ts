import { base64 } from '@scure/base';
import {
  type Batch,
  type BatchVerifier,
  eraseEntries,
  type Sha256,
  storedBatch,
  type Tip,
  verifyBatch,
} from './batch.js';
import { ProtocolError } from './frame.js';

/** Where the branches of a segment part: an author signed two batches for one place of it. */
export interface Fork {
  segment: string;
  /** Seq of the first entry of both batches: from there on nothing of the segment counts. */
  first: number;
  /** The batch before them, which both follow; null at the start of the segment. */
  before: Tip | null;
}

/** What proves a fork: both batches in base64 without their contents, by rising hash. */
export type ForkProof = readonly [string, string];

/** The fork that two batches prove; null where they show none, or not where it begins. */
export function forkBetween(one: Batch, other: Batch): Fork | null {
  const isOnePlace =
    one.conversation === other.conversation &&
    one.author === other.author &&
    one.segment === other.segment &&
    one.first === other.first;
  if (!isOnePlace || one.hash === other.hash) return null;
  const fork = forkAt(one);
  return fork.before?.hash === forkAt(other).before?.hash ? fork : null;
}

/** The proof that two batches are; see {@link forkBetween}. */
export function forkProof(one: Batch, other: Batch, sha256: Sha256): ForkProof {
  const bare = (batch: Batch): string => {
    const all = new Set(Array.from({ length: batch.count }, (_, nth) => batch.first + nth));
    return base64.encode(eraseEntries(batch, all, sha256).bytes);
  };
  return one.hash < other.hash ? [bare(one), bare(other)] : [bare(other), bare(one)];
}

/**
 * Checks a proof that came from somebody.
 * @throws {ProtocolError} `operation-malformed`, `batch-malformed` or `signature-wrong`
 */
export function verifyFork(proof: ForkProof, conversation: string, verifier: BatchVerifier): void {
  const [one, other] = proof.map((text) => verifyBatch(bytesOf(text), verifier)) as [Batch, Batch];
  if (one.conversation !== conversation || one.hash > other.hash || forkBetween(one, other) === null)
    throw new ProtocolError('operation-malformed', 'A roster operation is malformed: it proves no fork.');
}

/** The fork of a proof that was verified. */
export function provenFork([text]: ForkProof): Fork {
  return forkAt(storedBatch(bytesOf(text), ''));
}

function forkAt({ segment, first, follows }: Batch): Fork {
  return { segment, first, before: first === 1 ? null : (follows[0] ?? null) };
}

function bytesOf(text: string): Uint8Array {
  try {
    return base64.decode(text);
  } catch (error) {
    throw new ProtocolError('operation-malformed', 'A batch of a roster operation is not base64.', error);
  }
}
