import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../bin/sluice.js', import.meta.url));
const example = fileURLToPath(new URL('../../examples/orders', import.meta.url));

interface Ready {
  readonly gateway: string;
  readonly control: string;
}

describe('up', () => {
  let folder: string;
  let file: string;
  let child: ChildProcess;
  let ready: Ready;
  let token: string;
  const log: string[] = [];
  const waiting = new Set<() => void>();

  /** Resolves when a log line matches. */
  async function logged(pattern: RegExp, from = 0): Promise<string> {
    for (;;) {
      const found = log.slice(from).find((line) => pattern.test(line));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => waiting.add(resolve));
    }
  }

  /** In one step, so that nobody reads half of it. */
  async function replaceFile(text: string): Promise<void> {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  async function limitOf(plan: string): Promise<number> {
    const answer = await fetch(`${ready.control}/api/v1/apis/orders/plans/${plan}`, { headers: { authorization: `Bearer ${token}` } });
    const view = (await answer.json()) as { limits: { connectionCount: { limit: number } } };
    return view.limits.connectionCount.limit;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-up-'));
    await cp(example, folder, { recursive: true });
    file = join(folder, 'sluice.yaml');
    const env = { ...process.env, DASHBOARD_KEY: 'dashboard-key-of-the-test', ORDER_SERVICE_KEY: 'service-key-of-the-test' };
    child = spawn(process.execPath, [program, 'up', '--port', '0', '--control-port', '0', '--json', '--log-level', 'debug'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    createInterface({ input: child.stderr! }).on('line', (line) => {
      log.push(line);
      for (const wake of waiting) wake();
      waiting.clear();
    });
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    ready = JSON.parse(line) as Ready;
    token = (await readFile(join(folder, '.sluice', 'admin-token'), 'utf8')).trim();
  });

  after(async () => {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  test('applies its file when what it says has changed', async () => {
    assert.equal(await limitOf('free'), 5);
    const text = await readFile(file, 'utf8');
    const seen = log.length;
    await replaceFile(text.replace('connectionCount: { limit: 5 }', 'connectionCount: { limit: 7 }'));
    await logged(/configuration was applied again/, seen);
    assert.equal(await limitOf('free'), 7);
  });

  test('reports a file with mistakes by line, and goes on with what it had', async () => {
    const text = await readFile(file, 'utf8');
    await replaceFile(text.replace('approval: auto', 'aproval: auto'));
    const line = await logged(/changed configuration is not applied/);
    assert.match(line, /sluice\.yaml:\d+:\d+.*aproval/);
    assert.equal(await limitOf('free'), 7);
    const seen = log.length;
    await replaceFile(text.replace('limit: 7', 'limit: 8'));
    await logged(/configuration was applied again/, seen);
    assert.equal(await limitOf('free'), 8);
  });

  test('leaves alone what was changed meanwhile, when the file is only written again', async () => {
    const url = `${ready.control}/api/v1/apis/orders/plans/free`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'if-match': '*' };
    const plan = (await (await fetch(url, { headers })).json()) as { limits: Record<string, unknown> };
    const put = await fetch(url, {
      method: 'PUT',
      headers,
      body: JSON.stringify({ ...plan, limits: { ...plan.limits, connectionCount: { limit: 3 } } }),
    });
    assert.equal(put.status, 200, await put.text());
    const seen = log.length;
    await replaceFile(`${await readFile(file, 'utf8')}# a remark\n`);
    await logged(/says nothing new/, seen);
    assert.equal(await limitOf('free'), 3);
  });

  test('counts the events it reads back', async () => {
    const read = async (): Promise<number> =>
      Number(
        /^sluice_backend_read_messages_total\{backbone="[^"]+"\} (\d+)$/m.exec(await (await fetch(`${ready.control}/metrics`)).text())?.[1],
      );
    const url = `${ready.gateway}/orders/eu/created`;
    const event = (id: number): string => JSON.stringify({ id: `o-${id}`, total: 42.5, currency: 'EUR' });
    for (let turn = 0; turn < 3; turn += 1) {
      const published = await fetch(url, {
        method: 'POST',
        headers: { authorization: 'Bearer service-key-of-the-test', 'content-type': 'application/json' },
        body: event(turn),
      });
      assert.equal(published.status, 202, await published.text());
    }
    const before = await read();
    const page = await fetch(`${url}?from=earliest&limit=2`, { headers: { authorization: 'Bearer dashboard-key-of-the-test' } });
    assert.equal(((await page.json()) as unknown[]).length, 2);
    assert.equal(await read(), before + 2);
  });

  test('a second one on the same data folder is refused with a sentence', async () => {
    const other = spawn(process.execPath, [program, 'up', '--port', '0', '--control-port', '0'], {
      cwd: folder,
      env: { ...process.env, DASHBOARD_KEY: 'dashboard-key-of-the-test', ORDER_SERVICE_KEY: 'service-key-of-the-test' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    other.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(other, 'exit')) as [number];
    assert.equal(code, 6);
    assert.match(said, /another process/i);
  });

  test('ends with 0 when told to', async () => {
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    assert.equal(code, 0);
  });
});
