import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { NodeInfo } from './node-info.js';
import { ControlApiError } from './problem.js';

const LOOPBACK_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Lets only clients of this machine that know the token pass.
 *
 * `Host` must be loopback, so that a page whose name was rebound to 127.0.0.1
 * does not get in; a request that names another origin comes from a browser
 * and is refused whatever it knows.
 */
@Injectable()
export class LocalAuthGuard implements CanActivate {
  constructor(private readonly node: NodeInfo) {}

  /** @throws {ControlApiError} see {@link authorize} */
  canActivate(context: ExecutionContext): boolean {
    this.authorize(context.switchToHttp().getRequest<FastifyRequest>());
    return true;
  }

  /** @throws {ControlApiError} 401 `token-missing` or `token-wrong`, 403 `host-refused` or `origin-refused` */
  authorize(request: FastifyRequest): void {
    const { host, origin, authorization } = request.headers;
    if (!LOOPBACK_HOSTS.has(hostName(host))) {
      throw new ControlApiError(403, 'host-refused', 'The control API is for this machine alone.', {
        hint: 'Ask for it as 127.0.0.1.',
      });
    }
    if (origin !== undefined && !LOOPBACK_HOSTS.has(URL.parse(origin)?.hostname ?? '')) {
      throw new ControlApiError(403, 'origin-refused', 'The control API is not for pages of other sites.');
    }
    const given = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
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

// Hashed first, so that neither content nor length shows in the time it takes.
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest());
}

function hostName(host: string | undefined): string {
  return (host ?? '').replace(/:\d+$/, '').toLowerCase();
}
