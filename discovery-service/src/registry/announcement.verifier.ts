import { Injectable } from '@nestjs/common';
import {
  claimsSignature,
  Clock,
  CLOCK_TOLERANCE_MS,
  isUnspecifiedHost,
  parseUserName,
  type PeerEntry,
  type SignedEntry,
  verifyAnnouncement,
} from '@p2p-chat/shared';
import { Config } from '../config.js';
import { HttpProblem } from '../problem.js';
import { checkHost, hostToList } from './host.js';
import { LeaseRegistry, type Registration } from './lease-registry.js';
import { type RegistrationDto } from './registration.dto.js';

/** Turns the fields of a request into what may be listed. */
@Injectable()
export class AnnouncementVerifier {
  constructor(
    private readonly config: Config,
    private readonly clock: Clock,
    private readonly registry: LeaseRegistry,
  ) {}

  /**
   * @param dto fields whose types were checked
   * @param caller address of the request
   * @throws {HttpProblem} for a host that cannot be listed, or a plain entry where only signed ones are taken
   * @throws {AnnouncementError} for a signed entry whose form, key, time or signature is wrong
   */
  verify(dto: RegistrationDto, caller: string): Omit<Registration, 'request'> {
    return claimsSignature(dto as PeerEntry) ? this.#signed(dto, caller) : this.#plain(dto, caller);
  }

  #plain(dto: RegistrationDto, caller: string): Omit<Registration, 'request'> {
    if (this.config.requireSigned) {
      throw new HttpProblem(403, {
        code: 'signature-required',
        detail: 'This service lists signed announcements only.',
        hint: 'Use a chat node, or sign as docs/protocol.md describes.',
      });
    }
    const HOST = hostToList(dto.HOST, caller);
    return { entry: { HOST, PORT: dto.PORT, USER: parseUserName(dto.USER) }, signed: null };
  }

  #signed(dto: RegistrationDto, caller: string): Omit<Registration, 'request'> {
    const signedHost = dto.HOST ?? '';
    const listedHost = hostToList(signedHost, caller);
    for (const address of dto.ADDRESSES ?? []) checkHost('ADDRESSES', address, caller);
    // A host that was left open is shown as the caller's address, beside what was signed.
    const hosts = isUnspecifiedHost(signedHost)
      ? { HOST: listedHost, SIGNED_HOST: signedHost }
      : { HOST: signedHost };
    const { PORT, USER, PEER_ID, KEY, INSTANCE, SEQ, EXPIRES, ADDRESSES, SIGNATURE } = dto;
    const entry: PeerEntry = {
      ...hosts,
      PORT,
      USER,
      PEER_ID,
      KEY,
      INSTANCE,
      SEQ,
      EXPIRES,
      ADDRESSES,
      SIGNATURE,
    };
    return { entry, signed: this.#checked(entry) };
  }

  // A listed announcement was checked when it came, and only its time goes on.
  #checked(entry: PeerEntry): SignedEntry {
    const now = this.clock.now();
    const known = this.registry.holds(entry) && !isExpired(entry.EXPIRES, now);
    if (!known) verifyAnnouncement(entry, now);
    return entry as SignedEntry;
  }
}

function isExpired(expires: number | undefined, now: number): boolean {
  return expires === undefined || expires < now - CLOCK_TOLERANCE_MS;
}
