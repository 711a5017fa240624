import { EventEmitter } from 'node:events';
import { ManualClock } from '@p2p-chat/shared/testing';
import { beforeEach, expect, it, vi } from 'vitest';
import { JobControl } from './job-control.js';

const kill = vi.fn<(pid: number, signal: string) => void>();
let clock: ManualClock;
let signals: EventEmitter;
let job: JobControl;
let calls: string[];
beforeEach(() => {
  calls = [];
  clock = new ManualClock();
  kill.mockReset();
  // What the system does with SIGTSTP while a process listens for it.
  kill.mockImplementation(() => calls.push(`${signals.listenerCount('SIGTSTP')} listen`));
  signals = Object.assign(new EventEmitter(), { kill, pid: 42 });
  job = new JobControl({
    clock,
    leave: () => calls.push('leave'),
    enter: () => calls.push('enter'),
    signals: signals as unknown as NodeJS.Process,
  });
  job.start();
});

/** The moment in which it would be heard that the job went on, and what the system makes of the stop. */
async function stopped(): Promise<void> {
  await clock.advance(10);
  await new Promise(setImmediate);
}

it('gives the terminal back before the whole job stops, and takes it when that goes on', async () => {
  job.suspend();
  await stopped();
  expect(calls).toEqual(['leave', '0 listen']);
  expect(kill).toHaveBeenCalledWith(0, 'SIGTSTP');
  signals.emit('SIGCONT');
  expect(calls.slice(2)).toEqual(['leave', 'enter']);
  job.suspend();
  await stopped();
  expect(kill).toHaveBeenCalledTimes(2);
});

it('stops alone where it alone was asked to', async () => {
  signals.emit('SIGTSTP');
  await stopped();
  expect(kill).toHaveBeenCalledWith(42, 'SIGTSTP');
});

it('does not stop again where it was stopped while it gave the terminal back', async () => {
  signals.emit('SIGTSTP');
  signals.emit('SIGCONT');
  await stopped();
  expect(calls).toEqual(['leave', 'leave', 'enter']);
  expect(kill).not.toHaveBeenCalled();
});

it('goes on where the system ignored the stop', async () => {
  job.suspend();
  await stopped();
  await clock.advance(1_000);
  expect(calls.slice(2)).toEqual(['leave', 'enter']);
});

it('takes the terminal again after a stop that it could not see coming', () => {
  signals.emit('SIGCONT');
  expect(calls).toEqual(['leave', 'enter']);
});

it('leaves the signals alone when the console is closed', () => {
  job.stop();
  expect([signals.listenerCount('SIGTSTP'), signals.listenerCount('SIGCONT')]).toEqual([0, 0]);
});
