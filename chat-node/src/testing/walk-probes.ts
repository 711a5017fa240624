import { P2pChatError } from '@p2p-chat/shared';
import { NotTried, type Probe } from '../core/ports/probe.js';

/** What a hop came to. */
export interface Walked {
  hop: string;
  subject: string;
  state: 'ok' | 'failed' | 'skipped';
  detail: string;
  advice?: string;
}

/** Tries a probe and those behind it, until one does not go well. */
export async function walkProbe(probe: Probe, signal = new AbortController().signal): Promise<Walked[]> {
  const { hop, subject } = probe;
  try {
    const walked: Walked[] = [{ hop, subject, state: 'ok', detail: await probe.run(signal) }];
    for (const next of probe.next ?? []) walked.push(...(await walkProbe(next, signal)));
    return walked;
  } catch (error) {
    if (error instanceof NotTried) return [{ hop, subject, state: 'skipped', detail: error.message }];
    if (!(error instanceof P2pChatError)) throw error;
    const advice = error.hint === undefined ? {} : { advice: error.hint };
    return [{ hop, subject, state: 'failed', detail: error.message, ...advice }];
  }
}
