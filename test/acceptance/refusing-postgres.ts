import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

const SSL_REQUEST = 80_877_103;
const CLEARTEXT_PASSWORD = 3;

/** Speaks just enough of PostgreSQL's protocol to ask for a password and to refuse whatever it is given. */
export async function startRefusingPostgres(): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => answer(socket, bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => close(server, sockets) };
}

function answer(socket: Socket, bytes: Buffer): void {
  const isPassword = bytes[0] === 'p'.charCodeAt(0);
  if (isPassword) {
    const fields = [
      'SFATAL',
      'VFATAL',
      'C28P01',
      'Mpassword authentication failed for user "llamp"',
      '',
    ];
    socket.end(message('E', Buffer.from(`${fields.join('\0')}\0`)));
  } else if (bytes.length >= 8 && bytes.readUInt32BE(4) === SSL_REQUEST) socket.write('N');
  else socket.write(message('R', Buffer.from([0, 0, 0, CLEARTEXT_PASSWORD])));
}

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
}
