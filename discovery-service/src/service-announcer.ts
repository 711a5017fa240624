import { type Clock, isUnspecifiedHost, REGISTRY_SERVICE_TYPE } from '@p2p-chat/shared';
import { DnsSd, encodeTxt, lanInterfaces, type OpenMulticastPort } from '@p2p-chat/shared/dns-sd';

export interface ServiceAnnouncerOptions {
  /** Address that the service listens on. */
  host: string;
  port: number;
  /** Of the registry. */
  id: string;
  clock: Clock;
  open?: OpenMulticastPort;
}

/**
 * Lets nodes find the service without being told its address: announces it by
 * multicast DNS on the interfaces that it listens on, never on loopback.
 */
export class ServiceAnnouncer {
  readonly #dnsSd: DnsSd;

  constructor({ host, port, id, clock, open }: ServiceAnnouncerOptions) {
    const service = {
      type: REGISTRY_SERVICE_TYPE,
      label: `p2p-chat-${id}`,
      port,
      txt: encodeTxt({ v: '1', id }),
    };
    this.#dnsSd = new DnsSd(
      {
        browse: [],
        offer: () => service,
        interfaces: () =>
          lanInterfaces().filter(({ address }) => isUnspecifiedHost(host) || address === host),
        clock,
        random: Math.random,
        ...(open === undefined ? {} : { open }),
      },
      { onFound: () => undefined, onGone: () => undefined },
    );
  }

  start(): void {
    this.#dnsSd.start();
  }

  /** Says goodbye. Never rejects. */
  async stop(): Promise<void> {
    await this.#dnsSd.stop();
  }
}
