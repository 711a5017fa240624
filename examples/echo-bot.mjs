#!/usr/bin/env node
/*
 * Says back what it is told:
 *
 *   P2P_CHAT_USER=echo p2p-chat daemon & P2P_CHAT_USER=echo examples/echo-bot.mjs echo.place
 *
 * What was said while it was away is answered when it is back: the file keeps
 * where it was. Strangers get no answer until somebody accepts them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const [place = 'echo-bot.place'] = process.argv.slice(2);
const events = spawn('p2p-chat', ['events', '--json', '--resume', place], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => events.kill('SIGINT'));

for await (const line of createInterface({ input: events.stdout })) {
  const { event, direction, request, id, conversation, body } = JSON.parse(line);
  if (event !== 'message' || direction !== 'in' || request) continue;
  // What is read twice after a crash is answered once: the key makes both answers one message.
  const send = spawn('p2p-chat', ['send', conversation, '--key', `echo ${id}`], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  send.stdin.end(`You said: ${body}`);
  await once(send, 'close');
}
