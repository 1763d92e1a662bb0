const scheme = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const pathCharacters = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*$/;
const queryCharacters = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*$/;
const userAndName = /^(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*(?::\d*)?$/;
const userAndAddress =
  /^(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=:]|%[0-9A-Fa-f]{2})*@)?\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+)\](?::\d*)?$/;

/** Whether a text is a URI-reference of RFC 3986, section 4.1. Addresses in brackets are checked by their characters only. */
export function isUriReference(text: string): boolean {
  const [beforeFragment, fragment] = cut(text, '#');
  const [hierarchy, query] = cut(beforeFragment, '?');
  if (!queryCharacters.test(fragment) || !queryCharacters.test(query)) return false;
  const named = scheme.exec(hierarchy)?.[0] ?? '';
  let path = hierarchy.slice(named.length);
  if (path.startsWith('//')) {
    const end = path.indexOf('/', 2);
    const authority = path.slice(2, end === -1 ? undefined : end);
    if (!userAndName.test(authority) && !userAndAddress.test(authority)) return false;
    path = end === -1 ? '' : path.slice(end);
  } else if (named === '' && path.split('/', 1)[0]?.includes(':') === true) {
    // Section 4.2: a first segment with a colon would be taken for a scheme.
    return false;
  }
  return pathCharacters.test(path);
}

/** Whether a text is a URI with a scheme (RFC 3986, section 3). A fragment is allowed, since schemas are often named by one. */
export function isUri(text: string): boolean {
  return scheme.test(text) && isUriReference(text);
}

function cut(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
