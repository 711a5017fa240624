import { connect } from 'node:net';

/** What is asked for, on this machine. */
export interface HttpQuestion {
  host: string;
  port: number;
  path: string;
  /** A bearer token. */
  token?: string;
}

/**
 * Asks an HTTP server for a page and gives the status of its answer. It is for
 * checks that run all the time: Node's own HTTP client costs more CPU than all
 * the rest of such a check.
 * @throws what the system said, or that there was no answer, or none in time
 */
export function httpStatus({ host, port, path, token }: HttpQuestion, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const authorization = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
    const socket = connect({ host, port }, () =>
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: ${host.includes(':') ? `[${host}]` : host}\r\n${authorization}Connection: close\r\n\r\n`,
      ),
    );
    let answer = '';
    const settle = (error?: Error): void => {
      socket.destroy();
      const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(answer) ?? [];
      if (status !== undefined) resolve(Number(status));
      else reject(error ?? new Error('it closed the connection without an answer'));
    };
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      if (answer.includes('\n')) settle();
    });
    socket.on('error', settle).on('end', settle);
    socket.setTimeout(timeoutMs, () => settle(new Error(`no answer in ${timeoutMs / 1_000} s`)));
  });
}
