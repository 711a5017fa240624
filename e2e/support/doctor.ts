import type { DiagnosisLine, DiagnosisResult, DiagnosisVerdict } from '@p2p-chat/shared';
import { expect } from 'vitest';
import { type CommandOptions, parseJsonLines, runCli, type RunningDaemon } from './processes.ts';

/** What `doctor --json` told. */
export interface Diagnosed {
  status: number | null;
  hops: DiagnosisResult[];
  verdict: DiagnosisVerdict;
}

/** Asks `doctor` about a node that runs, and about the way to a peer. */
export function diagnose(daemon: RunningDaemon, ...args: string[]): Promise<Diagnosed> {
  return diagnosed(daemon.cli(['doctor', ...args, '--json']));
}

/** Asks `doctor` with these settings, whether a node runs or not. */
export function diagnoseWith(options: CommandOptions, ...args: string[]): Promise<Diagnosed> {
  return diagnosed(runCli(['doctor', ...args, '--json'], options));
}

async function diagnosed(run: ReturnType<typeof runCli>): Promise<Diagnosed> {
  const { status, stdout, stderr } = await run;
  const lines = parseJsonLines<DiagnosisLine>(stdout);
  const last = lines.at(-1);
  if (last?.type !== 'verdict') throw new Error(`no verdict: ${stdout}\n${stderr}`);
  const { type: _, ...verdict } = last;
  return { status, hops: lines.filter((line) => line.type === 'hop'), verdict };
}

/** The states of the hops of a kind. */
export function statesOf({ hops }: Diagnosed, hop: DiagnosisResult['hop']): DiagnosisResult['state'][] {
  return hops.filter((one) => one.hop === hop).map(({ state }) => state);
}

/** The hop that failed first is this one, and the sentence says so. */
export function expectFailure(
  { status, hops, verdict }: Diagnosed,
  hop: DiagnosisResult['hop'],
  sentence: RegExp,
  advice: RegExp,
): void {
  expect({ failed: verdict.failed?.hop, sentence: verdict.sentence, hops }).toMatchObject({ failed: hop });
  expect(verdict.sentence).toMatch(sentence);
  expect(verdict.advice).toMatch(advice);
  expect(verdict.ok).toBe(false);
  expect(status).toBe(1);
}

/** One of the hops that failed is this one, of this subject, and its detail and advice say so. */
export function expectFailedHop(
  { hops }: Diagnosed,
  wanted: Pick<DiagnosisResult, 'hop' | 'subject'>,
  detail: RegExp,
  advice: RegExp,
): void {
  const failed = hops.filter(({ state }) => state === 'failed');
  expect(failed).toContainEqual(
    expect.objectContaining({
      ...wanted,
      detail: expect.stringMatching(detail) as string,
      advice: expect.stringMatching(advice) as string,
    }),
  );
}
