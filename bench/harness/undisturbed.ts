import type { Figures } from './instrument.ts';

/** The first figures that are as a machine has them that never stands still, or else the last of three: what a busy one takes now and then it does not take each time. */
export async function undisturbed(measured: () => Promise<Figures>, isSo: (figures: Figures) => boolean): Promise<Figures> {
  for (let times = 1; ; times += 1) {
    const figures = await measured();
    if (isSo(figures) || times === 3) return figures;
  }
}
