import { runBenchmark } from './harness/benchmark.ts';
import { openFileLimit } from './harness/machine.ts';
import { atMost, medians, type Row } from './harness/results.ts';
import { peers } from './peers/peers.ts';

/** What a subscriber costs that waits: resident memory after garbage collection. Peers come along when `--only` names them. */
await runBenchmark('memory', async (bench) => {
  const { options } = bench;
  const wanted = options.subscribers ?? (options.quick ? 2000 : 20_000);
  const connections = Math.min(wanted, openFileLimit() - 500);
  if (connections < wanted)
    bench.note(`${connections} connections instead of ${wanted}: a process may open ${openFileLimit()} files here.`);
  const chosen = peers.filter(({ name }) => (options.only.size > 0 ? bench.wants(name) : name.startsWith('sluice-') && bench.wants(name)));
  for (let turn = 1; turn <= options.repeat; turn += 1) {
    for (const peer of chosen) {
      bench.say(`Turn ${turn} of ${options.repeat}: ${peer.name} …`);
      const running = await bench.open(peer);
      try {
        await bench.measure(peer.name, 'fan', { ...running.fan, n: connections, dur: 0 });
      } finally {
        await running.stop();
      }
    }
  }
  bench.note(
    'KiB resident are the growth of the process (Pss) over a server without connections, divided by them; what the kernel holds for the sockets comes besides.',
  );
  const figure = (name: string, key: string): number => medians(bench.runs[name] ?? [])[key] ?? Number.NaN;
  const keys = ['subscribers', 'kib_per_connection', 'kernel_kib_per_connection', 'base_mib', 'end_mib', 'connects_s', 'connect_cpu_us'];
  return {
    tables: [
      {
        title: 'Idle subscribers',
        columns: ['server', 'connections', 'KiB each', 'kernel KiB each', 'MiB before', 'MiB after', 'connects/s', 'CPU µs/connect'],
        rows: chosen.map(({ name }): Row => [name, ...keys.map((key) => figure(name, key))]),
      },
    ],
    bars: chosen
      .filter(({ name }) => name.startsWith('sluice-'))
      .map(({ name }) => atMost(`${name}: KiB resident each`, figure(name, 'kib_per_connection'), 12)),
  };
});
