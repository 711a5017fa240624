/** Characters of what a browser calls itself. */
export const MAX_BROWSER_NAME_CHARACTERS = 64;

/** A link that lets one browser use the page. */
export interface PageLinkView {
  /** With a code in its fragment, which no server and no log sees. */
  url: string;
  expiresAt: string;
}

export interface PairRequest {
  /** From the fragment of the link. */
  code: string;
  /** What the browser calls itself, such as `Firefox on Linux`. */
  name: string;
}

export interface PairResult {
  /** By which it can be revoked. */
  id: string;
  /** Sent as `Authorization: Bearer`, at the page's port only. */
  token: string;
}

/** A browser that may use the page. */
export interface BrowserView {
  id: string;
  name: string;
  pairedAt: string;
  /** When it was last there, to the day. */
  seenAt: string;
}
