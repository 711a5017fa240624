import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RegistryHttp } from './registry-http.js';

/** Long beside the pauses between what comes. */
const SILENCE_MS = 1_000;
const PAUSE_MS = 50;

let server: Server;
let url: URL;
let client: RegistryHttp;
let respond: (response: ServerResponse) => void;

beforeEach(async () => {
  server = createServer((_request, response) => respond(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/events`);
  client = new RegistryHttp('http:');
});
afterEach(() => {
  client.close();
  server.closeAllConnections();
  server.close();
});

it('follows an answer for as long as something comes, and breaks it off for a silence', async () => {
  const count = (2 * SILENCE_MS) / PAUSE_MS;
  respond = (response) => {
    let left = count;
    const timer = setInterval(() => {
      response.write('.');
      left -= 1;
      if (left === 0) clearInterval(timer);
    }, PAUSE_MS);
  };
  const answer = await client.open(url, { headers: {}, signal: new AbortController().signal }, SILENCE_MS);
  let text = '';
  const reading = (async () => {
    for await (const chunk of answer as AsyncIterable<Buffer>) text += chunk.toString();
  })();
  await expect(reading).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(text).toBe('.'.repeat(count));
});
