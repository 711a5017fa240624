import { ManualClock } from '@p2p-chat/shared/testing';
import mongoose from 'mongoose';
import { beforeEach, describe, expect, it } from 'vitest';
import { type StorageError } from '../../../chat/errors.js';
import { HUNG_STEP_MS, StepQueue } from './step-queue.js';
import { PendingCall, Step } from './step.js';

/** A step that notes when it runs, and waits until it is let on. */
class NotedStep extends Step {
  readonly call = new PendingCall<string>();
  readonly gate = Promise.withResolvers<void>();
  readonly #names: string[];
  readonly #calls = [this.call];

  constructor(
    private readonly log: string[],
    private readonly kind: string,
    name: string,
    conversationId: string,
    ids: readonly string[] | null,
  ) {
    super();
    this.#names = [name];
    this.touch(conversationId, ids);
  }

  override absorb(later: Step): boolean {
    if (!(later instanceof NotedStep) || later.kind !== this.kind) return false;
    this.#names.push(...later.#names);
    this.#calls.push(...later.#calls);
    this.touchAllOf(later);
    return true;
  }

  override async run(): Promise<void> {
    this.log.push(this.#names.join('+'));
    await this.gate.promise;
    for (const [at, call] of this.#calls.entries()) call.resolve(this.#names[at] ?? '');
  }

  override reject(error: StorageError): void {
    for (const call of this.#calls) call.reject(error);
  }
}

describe('StepQueue', () => {
  let log: string[];
  let failures: number;
  let queue: StepQueue;
  let clock: ManualClock;
  let drops: number;
  let prepared: Promise<void>;

  beforeEach(() => {
    log = [];
    failures = 0;
    clock = new ManualClock();
    drops = 0;
    prepared = Promise.resolve();
    queue = new StepQueue(
      {
        prepare: () => prepared,
        failed: () => Promise.resolve(void (failures += 1)),
        hung: () => Promise.resolve(void (drops += 1)),
      },
      clock,
    );
  });

  function push(kind: string, name: string, ids: readonly string[] | null, conversationId = 'c'): NotedStep {
    const step = new NotedStep(log, kind, name, conversationId, ids);
    queue.push(step);
    return step;
  }

  /** Pushes a step that holds up the others until it is let on. */
  function holdUp(): NotedStep {
    return push('hold', 'hold', ['none'], 'elsewhere');
  }

  async function letOn(...steps: NotedStep[]): Promise<void> {
    for (const step of steps) step.gate.resolve();
    await Promise.all(steps.map((step) => step.finished));
  }

  it('runs a lone step at once', async () => {
    const step = push('add', 'a', ['1']);
    await Promise.resolve();
    expect(log).toEqual(['a']);
    await letOn(step);
    expect(await step.call.result).toBe('a');
  });

  it('merges what was asked while a step ran, past steps that concern other messages', async () => {
    const hold = holdUp();
    const add = push('add', 'a1', ['1']);
    const set = push('set', 's', ['7']);
    const second = push('add', 'a2', ['2']);
    const third = push('set', 's2', ['8']);
    await letOn(hold, add, set);
    expect(log).toEqual(['hold', 'a1+a2', 's+s2']);
    expect(await Promise.all([add, set, second, third].map((one) => one.call.result))).toEqual([
      'a1',
      's',
      'a2',
      's2',
    ]);
  });

  it.each([
    ['the same message', ['2'], ['2'], 'c', ['hold', 'a1', 's', 'a2']],
    ['the whole conversation', null, ['2'], 'c', ['hold', 'a1', 's', 'a2']],
    ['the same id in another conversation', ['2'], ['2'], 'd', ['hold', 'a1+a2', 's']],
    ['another whole conversation', null, ['2'], 'd', ['hold', 'a1+a2', 's']],
  ])('keeps the order of steps that concern %s', async (_name, ids, later, conversation, expected) => {
    const hold = holdUp();
    const add = push('add', 'a1', ['1']);
    const set = push('set', 's', ids);
    const second = push('add', 'a2', later, conversation);
    await letOn(hold, add, set, ...(expected.includes('a2') ? [second] : []));
    expect(log).toEqual(expected);
  });

  it('fails a step alone, and goes on', async () => {
    const bad = push('add', 'bad', ['1']);
    const good = push('set', 'good', ['2']);
    bad.gate.reject(new Error('no'));
    await expect(bad.call.result).rejects.toMatchObject({ code: 'storage-failed' });
    await letOn(good);
    expect(await good.call.result).toBe('good');
    expect(failures).toBe(1);
  });

  it('fails all that wait where the server is away, and tries later ones', async () => {
    const steps = [push('a', 'a', ['1']), push('b', 'b', ['2']), push('c', 'c', ['3'])];
    steps[0]?.gate.reject(new mongoose.mongo.MongoNetworkError('connection reset'));
    for (const { call } of steps)
      await expect(call.result).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(log).toEqual(['a']);
    const later = push('a', 'later', ['1']);
    await letOn(later);
    expect(log).toEqual(['a', 'later']);
  });

  it('finishes what was asked before a close and rejects what is asked after', async () => {
    const steps = [push('a', 'a', ['1']), push('b', 'b', ['2'])];
    const closed = queue.close();
    const late = push('a', 'late', ['3']);
    await expect(late.call.result).rejects.toMatchObject({ code: 'storage-failed' });
    await letOn(...steps);
    await closed;
    expect(log).toEqual(['a', 'b']);
  });

  it('gives a step up that hangs, ends what it waits for, and goes on', async () => {
    const stuck = push('add', 'a', ['1']);
    const rejected = expect(stuck.call.result).rejects.toMatchObject({ code: 'storage-unavailable' });
    await clock.advance(HUNG_STEP_MS - 1);
    expect(drops).toBe(0);
    await clock.advance(1);
    await rejected;
    expect({ drops, failures }).toEqual({ drops: 1, failures: 1 });
    const next = push('add', 'b', ['1']);
    await letOn(next);
    expect(await next.call.result).toBe('b');
    expect(clock.timers).toBe(0);
  });

  it('does not begin a step that was given up, when what it waited for is there after all', async () => {
    const late = Promise.withResolvers<void>();
    prepared = late.promise;
    const stuck = push('add', 'a', ['1']);
    const rejected = expect(stuck.call.result).rejects.toMatchObject({ code: 'storage-unavailable' });
    await clock.advance(HUNG_STEP_MS);
    await rejected;
    prepared = Promise.resolve();
    late.resolve();
    await letOn(push('add', 'b', ['1']));
    expect(log).toEqual(['b']);
  });
});
