import { oneOf } from '../arguments.ts';
import type { VerifyContext } from '../commands/verify.ts';
import { CliError, exitCodes } from '../exit-code.ts';
import { nearest } from '../suggest.ts';
import { snippets } from './snippet-list.ts';

const otherNames: Readonly<Record<string, string>> = {
  js: 'node',
  javascript: 'node',
  typescript: 'node',
  py: 'python',
  golang: 'go',
  kotlin: 'java',
  'c#': 'csharp',
  dotnet: 'csharp',
  rb: 'ruby',
  rs: 'rust',
  bash: 'shell',
  sh: 'shell',
  openssl: 'shell',
};

/** Prints a snippet. Throws CliError `usage` for a language or a scheme there is none for. */
export async function showSnippet({ values, output }: VerifyContext): Promise<number> {
  const word = (values.snippet ?? '').toLowerCase();
  const language = Object.hasOwn(otherNames, word) ? otherNames[word] : word;
  const scheme = oneOf(values.scheme, 'scheme', ['v1', 'v1a']);
  const known = [...new Set(snippets.map((snippet) => snippet.language))];
  const inLanguage = snippets.filter((snippet) => snippet.language === language);
  if (inLanguage.length === 0) {
    const meant = nearest(word, [...known, ...Object.keys(otherNames)]);
    throw new CliError(
      'usage',
      `There is no snippet in "${word}".${meant === undefined ? '' : ` Did you mean ${meant}?`} There are ${known.join(', ')}.`,
    );
  }
  const snippet = inLanguage.find((one) => one.scheme === scheme);
  if (snippet === undefined) throw new CliError('usage', `There is no snippet in ${language} for ${scheme}, whose library has no Ed25519.`);
  const { title, file, needs, code } = snippet;
  if (!output.json && needs !== '') output.note(`Needs ${needs}.`);
  await output.show({ language, title, scheme, file, needs, code }, () => code.trimEnd());
  return exitCodes.ok;
}
