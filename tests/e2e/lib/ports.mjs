// Ports for servers that are started later. Below the range from which the kernel gives connections theirs:
// one of that range is free when asked for, and taken by any connection a moment later.
import fs from 'node:fs';
import net from 'node:net';
import { fileURLToPath } from 'node:url';

const FIRST = 10000;
const LAST = 32000;

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

// The first of eight free ports in a row: replicas of a gateway take those that follow.
export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    const all = await Promise.all(Array.from({ length: 8 }, (_, i) => isFree(port + i)));
    if (all.every(Boolean)) {
      return port;
    }
  }
}

if (fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  console.log(await freePort());
}
