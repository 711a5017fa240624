/*
 * What `POST /api/diagnosis` answers: NDJSON, a DiagnosisLine each. The hops
 * from this node's folder to a peer, in the order in which a message passes
 * them; then the verdict, which is the last line.
 */

/** What can be looked at. The names are stable, for programs. */
export type DiagnosisHop =
  /** The node itself: told by clients where none runs and none can be started. */
  | 'node'
  /** The profile's folder: private, writable, space left. */
  | 'profile'
  /** The database takes a durable write. */
  | 'storage'
  /** No other node was heard that uses the key: the profile was not copied. */
  | 'key'
  /** The port of the peer gateway is listened on. */
  | 'gateway'
  /** This node answers to itself at an address that it announces. */
  | 'gateway-address'
  /** There is a network interface for multicast. */
  | 'interface'
  | 'multicast-sent'
  /** The node's own announcement was heard on the interface. */
  | 'multicast-heard'
  | 'registry-name'
  | 'registry-connect'
  | 'registry-http'
  | 'registry-clock'
  /** The discovery service takes this node's signed announcement. */
  | 'registry-announcement'
  /** Somebody says where the peer is. */
  | 'peer-entry'
  | 'peer-connect'
  | 'peer-tls'
  | 'peer-identity'
  /** Both sides said hello. */
  | 'peer-protocol';

/** POST body: whom to reach as well; without it, only this node's own side is looked at. */
export interface DiagnosisRequest {
  /** A peer id, its short form, or a name. */
  peer?: string;
}

/** One hop, done. */
export interface DiagnosisResult {
  hop: DiagnosisHop;
  /** Which of several: a path, an interface, a URL, an address; '' where there is one. */
  subject: string;
  /** `skipped`: not tried, since it cannot work or makes no difference; `detail` says which. */
  state: 'ok' | 'failed' | 'skipped';
  /** For a person: what was found, or what is wrong. */
  detail: string;
  /** What to do, where it failed. */
  advice?: string;
  /** How long it took, in milliseconds; 0 where it was skipped. */
  ms: number;
}

export type DiagnosisLine =
  /** These are being looked at: what is slow is in the last line. */
  | { type: 'looking'; at: Pick<DiagnosisResult, 'hop' | 'subject'>[] }
  | ({ type: 'hop' } & DiagnosisResult)
  | ({ type: 'verdict' } & DiagnosisVerdict);

/** What all hops come to. */
export interface DiagnosisVerdict {
  ok: boolean;
  /** One sentence: of the first hop that failed, or that all is well. */
  sentence: string;
  /** What to do; absent where all is well or nobody knows. */
  advice?: string;
  /** The first hop that failed; null where none did. */
  failed: Pick<DiagnosisResult, 'hop' | 'subject'> | null;
}
