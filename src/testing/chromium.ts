import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';

const executablePath = process.env['SLUICE_TEST_CHROMIUM'] ?? '/usr/bin/chromium';

/** Why tests in a browser are skipped here; false where there is one. */
export const noChromium = existsSync(executablePath)
  ? false
  : `there is no Chromium at ${executablePath}; name one in SLUICE_TEST_CHROMIUM`;

/** A Chromium without a window that talks to nobody of its own accord. */
export function openChromium(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', ...quiet] });
}

/** An origin of its own that serves empty pages. */
export class PageOrigin {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<PageOrigin> {
    const server = createServer((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>page</title>'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PageOrigin(server);
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async visit(browser: Browser, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
    const context = await browser.newContext({ extraHTTPHeaders: { ...headers } });
    const page = await context.newPage();
    await page.goto(this.origin);
    return page;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
