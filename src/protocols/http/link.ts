/** One value of the Link header (RFC 8288, section 3). Characters that could end the target early are percent-encoded. */
export function formatLink(target: string, rel: string): string {
  const safe = target.replace(/[^\x21\x23-\x3b\x3d\x3f-\x7e]/gu, (character) =>
    encodeURIComponent(character.isWellFormed() ? character : '\ufffd'),
  );
  if (!/^[a-z][a-z0-9.-]*$/.test(rel)) throw new RangeError(`${JSON.stringify(rel)} is not a registered form of a link relation`);
  return `<${safe}>; rel="${rel}"`;
}
