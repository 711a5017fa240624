import {
  type Clock,
  type DiagnosisLine,
  type DiagnosisResult,
  type DiagnosisVerdict,
  errorMessage,
  P2pChatError,
} from '@p2p-chat/shared';
import type { ChatLog } from '../ports/log.js';
import { type AddressProbes, NotTried, type Probe, type Probes } from '../ports/probe.js';
import { type KnownWay, PeerEntryProbe } from './peer-entry.probe.js';

export interface DiagnosisOptions {
  /** What to try of this node, in the order in which a message passes it. */
  own: readonly Probes[];
  addresses: AddressProbes;
  /** What is known of the way to a peer. @throws {ChatError} `peer-unknown` or `peer-ambiguous` */
  wayTo: (reference: string) => KnownWay;
  clock: Clock;
  log: ChatLog;
}

/**
 * Walks the hops from this node to a peer and says which one fails first. Hops
 * that do not depend on each other are looked at side by side, so one that
 * hangs costs its own patience and no more.
 */
export class Diagnosis {
  constructor(private readonly options: DiagnosisOptions) {}

  /**
   * Looks at every hop.
   * @param peer whom to reach: a peer id, its short form, or a name; without it, only the own side
   * @returns the hops as they are done, the verdict last
   */
  async *run(peer: string | undefined, signal: AbortSignal): AsyncGenerator<DiagnosisLine, void, void> {
    const results: DiagnosisResult[] = [];
    for (const probes of this.options.own) {
      yield* this.#group(probes.list(), signal, results);
    }
    let who = '';
    if (peer !== undefined) {
      const entry = new PeerEntryProbe(peer, this.options.wayTo, this.options.clock);
      yield* this.#group([entry], signal, results);
      who = entry.way?.user ?? peer;
      if (entry.way !== null) yield* this.#addresses(entry.way, signal, results);
    }
    if (!signal.aborted) yield { type: 'verdict', ...verdictOf(results, who) };
  }

  async *#group(
    probes: readonly Probe[],
    signal: AbortSignal,
    results: DiagnosisResult[],
  ): AsyncGenerator<DiagnosisLine, void, void> {
    if (probes.length === 0 || signal.aborted) return;
    yield looking(probes);
    const walks = probes.map((probe) => this.#walk(probe, signal));
    for (const walk of walks) yield* told(await walk, results);
  }

  // One address that works is enough; then the others make no difference.
  async *#addresses(
    { peerId, linked, addresses }: KnownWay,
    signal: AbortSignal,
    results: DiagnosisResult[],
  ): AsyncGenerator<DiagnosisLine, void, void> {
    const probes = addresses.map((address) => this.options.addresses.toward(peerId, address, linked));
    if (probes.length === 0 || signal.aborted) return;
    yield looking(probes);
    const walked = await Promise.all(probes.map((probe) => this.#walk(probe, signal)));
    const works = walked.some((hops) => hops.every(({ state }) => state !== 'failed'));
    yield* told(works ? walked.flat().map(harmless) : walked.flat(), results);
  }

  async #walk(probe: Probe, signal: AbortSignal): Promise<DiagnosisResult[]> {
    const result = await this.#try(probe, signal);
    const after: DiagnosisResult[] = [];
    for (const next of probe.next ?? []) {
      after.push(...(result.state === 'ok' ? await this.#walk(next, signal) : skipped(next, result)));
    }
    return [result, ...after];
  }

  async #try(probe: Probe, signal: AbortSignal): Promise<DiagnosisResult> {
    const { clock, log } = this.options;
    const { hop, subject } = probe;
    const began = clock.monotonic();
    const result = (state: DiagnosisResult['state'], detail: string): DiagnosisResult => ({
      hop,
      subject,
      state,
      detail,
      ms: state === 'skipped' ? 0 : Math.round(clock.monotonic() - began),
    });
    try {
      return result('ok', await probe.run(signal));
    } catch (error) {
      if (error instanceof NotTried) return result('skipped', error.message);
      if (!(error instanceof P2pChatError)) log.warn({ hop, error: errorMessage(error) }, 'a probe failed');
      const advice = error instanceof P2pChatError ? error.hint : undefined;
      return { ...result('failed', errorMessage(error)), ...(advice === undefined ? {} : { advice }) };
    }
  }
}

function looking(probes: readonly Probe[]): DiagnosisLine {
  return { type: 'looking', at: probes.map(({ hop, subject }) => ({ hop, subject })) };
}

function* told(hops: readonly DiagnosisResult[], results: DiagnosisResult[]): Generator<DiagnosisLine> {
  results.push(...hops);
  for (const hop of hops) yield { type: 'hop', ...hop };
}

function skipped({ hop, subject, next = [] }: Probe, after: DiagnosisResult): DiagnosisResult[] {
  const detail = after.state === 'failed' ? `not tried, since ${after.hop} failed` : 'nothing to try';
  return [{ hop, subject, state: 'skipped', detail, ms: 0 }, ...next.flatMap((one) => skipped(one, after))];
}

function harmless(result: DiagnosisResult): DiagnosisResult {
  if (result.state !== 'failed') return result;
  const { advice: _, ...rest } = result;
  return { ...rest, state: 'skipped', detail: `${result.detail} Another address works.` };
}

function verdictOf(results: readonly DiagnosisResult[], who: string): DiagnosisVerdict {
  const first = results.find(({ state }) => state === 'failed');
  if (first === undefined) {
    const sentence = who === '' ? 'All is well on this side.' : `All is well: ${who} can be reached.`;
    return { ok: true, sentence, failed: null };
  }
  const { hop, subject, detail, advice } = first;
  return {
    ok: false,
    sentence: detail,
    ...(advice === undefined ? {} : { advice }),
    failed: { hop, subject },
  };
}
