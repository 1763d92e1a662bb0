import { text } from './scalars.ts';

/** Names of APIs, plans, applications and backbones: safe in URLs, file names and metric labels. */
export const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export const resourceName = text({
  title: 'name',
  min: 1,
  max: 63,
  pattern: {
    test: namePattern,
    wanted: 'a name: letters, digits, `-`, `_` and `.`, beginning with a letter or digit, at most 63 characters',
  },
});

/** Names of durable readers, as `?reader=` takes them, and so of endpoints. */
export const readerName = text({
  title: 'reader name',
  min: 1,
  max: 128,
  pattern: { test: /^[A-Za-z0-9._~-]{1,128}$/, wanted: 'a name: 1 to 128 letters, digits, dots, tildes, hyphens and underscores' },
});
