import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { errorMessage } from '../errors.js';

/** The network interfaces of the machine, as `os.networkInterfaces` gives them. */
export type Interfaces = () => NodeJS.Dict<NetworkInterfaceInfo[]>;

/**
 * Reads the network interfaces, which the system may refuse: on phones, in a
 * service without AF_NETLINK, or where no descriptor is left. Then those that
 * were read last stand.
 */
export class InterfaceReader {
  #known: NodeJS.Dict<NetworkInterfaceInfo[]> = {};
  #problem: string | null = null;

  constructor(private readonly ask: Interfaces = networkInterfaces) {}

  /** What the system refused with when it was asked last; null where it answered. */
  get problem(): string | null {
    return this.#problem;
  }

  /** The interfaces; never throws. */
  readonly read: Interfaces = () => {
    try {
      this.#known = this.ask();
      this.#problem = null;
    } catch (error) {
      this.#problem = errorMessage(error);
    }
    return this.#known;
  };
}

/** The interfaces of this machine. */
export const systemInterfaces = new InterfaceReader();
