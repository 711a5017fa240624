import { Controller, Delete, Get, Param, Put, Query, Req, Res } from '@nestjs/common';
import {
  ApiBody,
  ApiHeader,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiResponse,
  ApiTags,
} from '@nestjs/swagger';
import {
  CURSOR_HEADER,
  MAX_RECOGNISED_REQUEST_BYTES,
  REGISTRY_ID_HEADER,
  RENEW_AFTER_HEADER,
  verifyWithdrawal,
} from '@p2p-chat/shared';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Config } from '../config.js';
import { Metrics } from '../metrics.js';
import { AnnouncementVerifier } from './announcement.verifier.js';
import { callerAddress } from './host.js';
import { LeaseRegistry, RegistryError } from './lease-registry.js';
import { matchesEtag, wantsMinimal } from './preconditions.js';
import { peerChanges } from './peer-changes.js';
import { PeerEntryView } from './peer-entry.view.js';
import { RegistrationDto } from './registration.dto.js';
import { readRegistration, readWithdrawal } from './request-body.js';
import { WithdrawalDto } from './withdrawal.dto.js';

type BodyRequest = FastifyRequest<{ Body: Buffer | undefined }>;

const SINCE = {
  name: 'since',
  required: false,
  description: `Cursor of an earlier answer (${CURSOR_HEADER}): answers what changed since, in place of the list`,
};
const JSON_TYPE = 'application/json; charset=utf-8';
/** Renewals in one lease: two may be lost. */
const RENEWALS_PER_LEASE = 3;

/** Who is online. */
@ApiTags('peers')
@Controller()
export class RegistryController {
  readonly #renewAfter: string;

  constructor(
    private readonly registry: LeaseRegistry,
    private readonly verifier: AnnouncementVerifier,
    private readonly metrics: Metrics,
    config: Config,
  ) {
    this.#renewAfter = String(Math.floor((config.leaseSeconds * 10) / RENEWALS_PER_LEASE) / 10);
  }

  /** Registers the caller or renews its lease; answers the list, the caller included. */
  @ApiOperation({ summary: 'Register, or renew the lease' })
  @ApiBody({ type: RegistrationDto })
  @ApiQuery(SINCE)
  @ApiHeader({
    name: 'Prefer',
    required: false,
    description: 'return=minimal for an answer without the list',
  })
  @ApiOkResponse({
    type: [PeerEntryView],
    description: 'Everyone who holds a lease.',
    headers: {
      [RENEW_AFTER_HEADER]: { description: 'Seconds until the next renewal', schema: { type: 'number' } },
      [CURSOR_HEADER]: { description: 'Where the list stands', schema: { type: 'string' } },
    },
  })
  @ApiNoContentResponse({ description: 'Registered, with Prefer: return=minimal.' })
  @ApiResponse({ status: 400, description: 'A field is wrong; the problem names it.' })
  @ApiResponse({ status: 403, description: 'The signature is wrong or missing.' })
  @ApiResponse({
    status: 409,
    description: 'The announcement is older than the last one; the problem has its `seq`.',
  })
  @ApiResponse({ status: 413, description: 'The body is too large.' })
  @ApiResponse({ status: 415, description: 'The body is not application/json.' })
  @ApiResponse({ status: 429, description: 'Too many requests; come back after Retry-After.' })
  @ApiResponse({ status: 503, description: 'The list is full; come back after Retry-After.' })
  @Put()
  register(
    @Req() request: BodyRequest,
    @Res() reply: FastifyReply,
    @Query('since') since?: string | string[],
  ): void {
    const caller = callerAddress(request.socket.remoteAddress);
    const recognisable = recognisableRequest(caller, request.body);
    if (recognisable !== null && this.registry.renew(recognisable)) {
      this.metrics.registered('renewed');
    } else {
      const registration = this.verifier.verify(readRegistration(request.body), caller);
      this.metrics.registered(this.registry.register({ ...registration, request: recognisable }));
    }
    reply.header(RENEW_AFTER_HEADER, this.#renewAfter).header(REGISTRY_ID_HEADER, this.registry.id);
    if (wantsMinimal(request.headers.prefer)) {
      void reply.code(204).header('preference-applied', 'return=minimal').send();
    } else {
      this.#sendList(reply, since);
    }
  }

  /** Everyone who holds a lease, without registering. */
  @ApiOperation({ summary: 'The list, without registering' })
  @ApiQuery(SINCE)
  @ApiHeader({ name: 'If-None-Match', required: false, description: 'ETag of the list that the client has' })
  @ApiOkResponse({ type: [PeerEntryView] })
  @ApiResponse({ status: 304, description: 'The list is the one that the client has.' })
  @Get()
  list(
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
    @Query('since') since?: string | string[],
  ): void {
    reply.header('cache-control', 'no-cache');
    if (since === undefined) {
      const { etag } = this.registry.list();
      reply.header('etag', etag);
      if (matchesEtag(request.headers['if-none-match'], etag)) {
        void reply.code(304).send();
        return;
      }
    }
    this.#sendList(reply, since);
  }

  #sendList(reply: FastifyReply, since: string | string[] | undefined): void {
    const body = since === undefined ? this.registry.list().body : peerChanges(this.registry, String(since));
    void reply.header('content-type', JSON_TYPE).header(CURSOR_HEADER, this.registry.cursor).send(body);
  }

  /** Ends the lease of a signed entry. */
  @ApiOperation({ summary: 'Withdraw a signed entry' })
  @ApiBody({ type: WithdrawalDto })
  @ApiNoContentResponse({ description: 'Withdrawn.' })
  @ApiResponse({ status: 400, description: 'A field is wrong; the problem names it.' })
  @ApiResponse({ status: 403, description: "The withdrawal is not signed by the peer's key." })
  @ApiResponse({ status: 404, description: 'No peer with this id is registered.' })
  @ApiResponse({ status: 409, description: 'The peer announced itself anew since.' })
  @Delete('peers/:peerId')
  withdraw(@Param('peerId') peerId: string, @Req() request: BodyRequest, @Res() reply: FastifyReply): void {
    const withdrawal = readWithdrawal(request.body);
    if (!this.registry.isListed(peerId)) {
      throw new RegistryError('peer-unknown', 'No peer with this id is registered.');
    }
    verifyWithdrawal(peerId, withdrawal);
    this.registry.withdraw(peerId, withdrawal.SEQ);
    this.metrics.withdrawn();
    void reply.code(204).send();
  }
}

// Nearly every request is a renewal of the same bytes from the same address,
// and then it means what it meant the first time.
function recognisableRequest(caller: string, body: Buffer | undefined): string | null {
  if (body === undefined || body.length > MAX_RECOGNISED_REQUEST_BYTES) return null;
  return `${caller} ${body.toString('latin1')}`;
}
