import { text } from './scalars.ts';

/** An address or several: `*` stands for a whole segment, alone for all. */
export const addressPattern = text({
  title: 'address pattern',
  min: 1,
  max: 1024,
  pattern: {
    test: /^(\*|[^*/\s]+)(\/(\*|[^*/\s]+))*$/,
    wanted: 'an address pattern: segments between single /, and * only as a whole segment',
  },
});
