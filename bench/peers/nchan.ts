import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { firstLine, packageVersion, requirePackage, requireProgram } from '../harness/installation.ts';
import { openFileLimit } from '../harness/machine.ts';
import { freePorts, ServerProcess } from '../harness/server-process.ts';
import { singlesUnderWay, type Peer } from './peer.ts';

const modulePath = '/usr/lib/nginx/modules/ngx_nchan_module.so';

/** nginx with Nchan, one worker. */
export function nchan(protocol: 'sse' | 'ws'): Peer {
  return {
    name: `nchan-${protocol}`,
    async start({ folder, options }) {
      const nginx = requireProgram('nginx', 'nginx-light');
      requirePackage('libnginx-mod-nchan', () => existsSync(modulePath));
      const [port] = (await freePorts(1)) as [number];
      const place = mkdtempSync(join(folder, 'nchan-'));
      writeFileSync(join(place, 'nginx.conf'), configuration(place, port));
      const server = await ServerProcess.start({
        command: nginx,
        args: ['-p', place, '-e', 'stderr', '-c', join(place, 'nginx.conf')],
        core: options.serverCore,
        ports: [port],
      });
      return {
        version: `Nchan ${packageVersion('libnginx-mod-nchan')} in ${firstLine(nginx, ['-v'])}`,
        fan: { proto: protocol, port, path: '/subscribe', pub: 'http', pport: port, ppath: '/publish', pids: server.pids().join(',') },
        burst: singlesUnderWay(options),
        stop: () => server.stop(),
      };
    },
  };
}

function configuration(place: string, port: number): string {
  const files = openFileLimit();
  return `
load_module ${modulePath};
daemon off;
worker_processes 1;
worker_rlimit_nofile ${files};
pid ${place}/nginx.pid;
error_log stderr crit;
events { worker_connections ${files - 100}; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  tcp_nodelay on;
  client_body_temp_path ${place}/body;
  proxy_temp_path ${place}/proxy;
  fastcgi_temp_path ${place}/fastcgi;
  uwsgi_temp_path ${place}/uwsgi;
  scgi_temp_path ${place}/scgi;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /subscribe {
      nchan_subscriber websocket eventsource;
      nchan_channel_id fan;
      nchan_subscriber_first_message newest;
    }
    location = /publish {
      nchan_publisher http;
      nchan_channel_id fan;
      nchan_message_buffer_length 1000;
      nchan_message_timeout 1m;
    }
  }
}
`;
}
