import type { SluiceFixture } from './sluice-fixture.ts';

/** What `/metrics` said at one moment. */
export class MetricsPage {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  static async of({ control, admin }: Pick<SluiceFixture, 'control' | 'admin'>): Promise<MetricsPage> {
    return new MetricsPage(await (await fetch(`${control}/metrics`, { headers: { authorization: `Bearer ${admin}` } })).text());
  }

  /** The lines of samples whose names begin so. */
  lines(prefix: string): readonly string[] {
    return this.text.split('\n').filter((line) => line.startsWith(prefix));
  }

  /** Sum of the samples of a metric that have these labels among theirs; undefined when there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const found = this.lines(name).filter((line) => {
      const [whole = ''] = /^[a-z_]+(\{.*\})?/.exec(line) ?? [];
      return /^[a-z_]+/.exec(line)?.[0] === name && wanted.every((label) => new RegExp(`[{,]${label}[,}]`).test(whole));
    });
    return found.length === 0 ? undefined : found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }
}
