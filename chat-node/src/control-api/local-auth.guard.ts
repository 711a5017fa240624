import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { CONTROL_ROUTES } from '@p2p-chat/shared';
import type { FastifyRequest } from 'fastify';
import { NodeInfo } from './node-info.js';
import { PageServer } from './page-server.js';
import { Pairing } from './pairing.js';
import { ControlApiError } from './problem.js';

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Lets only clients of this machine that know the token pass.
 *
 * `Host` must be loopback, so that a page whose name was rebound to 127.0.0.1
 * does not get in; a request that names another origin comes from a browser
 * and is refused whatever it knows. At the page's port it must be exactly the
 * page's own address, and the token is that of a browser which was let in,
 * or the address a link to a download that it was given.
 */
@Injectable()
export class LocalAuthGuard implements CanActivate {
  /** Requests by a link that is good once: each is looked at twice. */
  readonly #followed = new WeakSet<object>();

  constructor(
    private readonly node: NodeInfo,
    private readonly page: PageServer,
    private readonly pairing: Pairing,
  ) {}

  /** @throws {ControlApiError} see {@link authorize} */
  canActivate(context: ExecutionContext): boolean {
    this.authorize(context.switchToHttp().getRequest<FastifyRequest>());
    return true;
  }

  /**
   * @throws {ControlApiError} 401 `token-missing`, `token-wrong` or `browser-refused`, 403 `host-refused` or
   * `origin-refused`
   */
  authorize(request: FastifyRequest): void {
    if (this.page.serves(request.raw)) this.#authorizeBrowser(request);
    else this.#authorizeClient(request);
  }

  #authorizeBrowser(request: FastifyRequest): void {
    const { host, origin, authorization } = request.headers;
    const isOwn = this.page.isOwn(host, origin);
    if (!isOwn.host) {
      throw new ControlApiError(403, 'host-refused', 'The page is for this machine alone.', {
        hint: 'Open it as 127.0.0.1.',
      });
    }
    if (!isOwn.origin) {
      throw new ControlApiError(403, 'origin-refused', 'The control API is not for pages of other sites.');
    }
    if (isOpen(request) || this.#followed.has(request.raw)) return;
    if (this.pairing.follows(request.url, request.raw.socket)) return void this.#followed.add(request.raw);
    const given = bearer(authorization);
    if (given === undefined || this.pairing.authenticate(given, request.raw.socket) === null) {
      throw new ControlApiError(401, 'browser-refused', 'This browser may not use the page.', {
        hint: 'Get a link that lets it in: p2p-chat web',
      });
    }
  }

  #authorizeClient(request: FastifyRequest): void {
    const { host, origin, authorization } = request.headers;
    if (!LOOPBACK_HOSTS.has(hostName(host))) {
      throw new ControlApiError(403, 'host-refused', 'The control API is for this machine alone.', {
        hint: 'Ask for it as 127.0.0.1.',
      });
    }
    if (origin !== undefined && !LOOPBACK_HOSTS.has(URL.parse(origin)?.hostname ?? '')) {
      throw new ControlApiError(403, 'origin-refused', 'The control API is not for pages of other sites.');
    }
    const given = bearer(authorization);
    if (given === undefined) {
      throw new ControlApiError(401, 'token-missing', 'The request needs the token of this node.', {
        hint: 'Send "Authorization: Bearer <token>" with the token of run/control.json.',
      });
    }
    if (!isSame(given, this.node.token)) {
      throw new ControlApiError(401, 'token-wrong', 'The token is not that of this node.', {
        hint: 'Read run/control.json anew: the token changes at every start.',
      });
    }
  }
}

/**
 * Whether no token is needed at the page's port: for the files of the page, which are no secret,
 * and to exchange a code. By the route that was found, not by the address: there is more than
 * one way to write that.
 */
function isOpen({ routeOptions, method }: FastifyRequest): boolean {
  const { url } = routeOptions;
  if (url === CONTROL_ROUTES.pair) return method === 'POST';
  return url === undefined || !/^\/api(\/|$)/.test(url);
}

function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
}

// Hashed first, so that neither content nor length shows in the time it takes.
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

function hostName(host: string | undefined): string {
  return (host ?? '').replace(/:\d+$/, '').toLowerCase();
}
