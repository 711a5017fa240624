import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { httpStatus } from './http-status.js';

const servers: (Server | TcpServer)[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

async function listen(server: Server | TcpServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

it('gives the status of the answer, and shows the token', async () => {
  const port = await listen(
    createServer((request, response) => {
      response.statusCode =
        request.url === '/well' && request.headers.authorization === 'Bearer t' ? 200 : 503;
      response.end('x'.repeat(100_000));
    }),
  );
  const ask = (path: string) => httpStatus({ host: '127.0.0.1', port, path, token: 't' }, 5_000);
  expect([await ask('/well'), await ask('/ill')]).toEqual([200, 503]);
});

it('rejects where nobody listens, where nothing is answered, and where no answer comes', async () => {
  const silent = await listen(createTcpServer(() => undefined));
  const ends = await listen(createTcpServer((socket) => socket.end()));
  const ask = (port: number) => httpStatus({ host: '127.0.0.1', port, path: '/' }, 50);
  await expect(ask(silent)).rejects.toThrow('no answer');
  await expect(ask(ends)).rejects.toThrow('without an answer');
  const port = await listen(createTcpServer());
  servers.pop()?.close();
  await expect(ask(port)).rejects.toThrow('ECONNREFUSED');
});
