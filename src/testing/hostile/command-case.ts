import type { HostileCase } from './hostile-case.ts';
import type { CommandOptions } from './victim.ts';

/** A command line, the exit code it must end with and what it must say on stderr (or, for linters, on stdout). */
export type CommandRow = readonly [name: string, argv: readonly string[], exit: number, says: RegExp];

/** A command line as a case; it runs as a process of its own. */
export function commandCase(door: HostileCase['door'], [name, argv, exit, says]: CommandRow, options: CommandOptions = {}): HostileCase {
  return {
    door,
    name,
    expected: { exit, says },
    send: async (victim) => {
      const outcome = await victim.command(argv, options);
      return { exit: outcome.exit, says: outcome.stdout + outcome.stderr, all: outcome.stdout + outcome.stderr };
    },
  };
}
