#!/usr/bin/env node
/*
 * Posts every message that arrives to a web address, as JSON:
 *
 *   examples/webhook-bridge.mjs http://127.0.0.1:8080/chat webhook.place
 *
 * It tries again until the address takes the message, and reads no further
 * meanwhile; the file keeps where it was.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const [url, place = 'webhook-bridge.place'] = process.argv.slice(2);
const events = spawn('p2p-chat', ['events', '--json', '--resume', place], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => events.kill('SIGINT'));

for await (const line of createInterface({ input: events.stdout })) {
  const { event, direction } = JSON.parse(line);
  if (event !== 'message' || direction !== 'in') continue;
  for (let wait = 500; !(await posted(line)); wait = Math.min(2 * wait, 60_000)) await sleep(wait);
}

async function posted(body) {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    if (!answer.ok) console.error(`${url} answered ${answer.status}; trying again.`);
    return answer.ok;
  } catch (error) {
    console.error(`${url} cannot be reached (${error.cause?.code ?? error.message}); trying again.`);
    return false;
  }
}
