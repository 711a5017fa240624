/** Whether a client asks for an answer without content (`Prefer: return=minimal`, RFC 7240). */
export function wantsMinimal(prefer: string | string[] | undefined): boolean {
  if (prefer === undefined) return false;
  return /(?:^|[,;\s])return\s*=\s*"?minimal"?\s*(?:$|[,;])/i.test(String(prefer));
}

/** Whether `If-None-Match` names the tag, weakly compared (RFC 9110, 13.1.2). */
export function matchesEtag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((one) => {
    const tag = one.trim();
    return tag === '*' || tag.replace(/^W\//, '') === etag;
  });
}
