import { csharpShared } from './snippets/csharp.ts';
import { goPublic, goShared } from './snippets/go.ts';
import { javaPublic, javaShared } from './snippets/java.ts';
import { nodePublic, nodeShared } from './snippets/node.ts';
import { perlShared } from './snippets/perl.ts';
import { phpPublic, phpShared } from './snippets/php.ts';
import { pythonPublic, pythonShared } from './snippets/python.ts';
import { rubyPublic, rubyShared } from './snippets/ruby.ts';
import { rustShared } from './snippets/rust.ts';
import { shellPublic, shellShared } from './snippets/shell.ts';
import type { Snippet } from './snippets/snippet.ts';

/** Every snippet there is, as the guide and the command line show them; each language with `v1` first. */
export const snippets: readonly Snippet[] = [
  nodeShared,
  nodePublic,
  pythonShared,
  pythonPublic,
  goShared,
  goPublic,
  javaShared,
  javaPublic,
  phpShared,
  phpPublic,
  rubyShared,
  rubyPublic,
  csharpShared,
  rustShared,
  perlShared,
  shellShared,
  shellPublic,
];
