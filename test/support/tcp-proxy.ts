import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A server on a port of its own that can vanish, stand still and come back, without touching the real one. */
export class TcpProxy {
  readonly #target: { host: string; port: number };
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #silent = false;
  port = 0;

  constructor(target: { host: string; port: number }) {
    this.#target = target;
  }

  /** Listens; after `stop` on the same port as before. */
  async start(): Promise<void> {
    this.#server = createServer((inbound) => this.#connect(inbound));
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** Cuts every connection and refuses new ones, as a killed server does. */
  async stop(): Promise<void> {
    const closed = this.#server === undefined ? undefined : once(this.#server, 'close');
    this.#server?.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Accepts everything and answers nothing on the connections of now, as a machine that hangs does. */
  silence(): void {
    this.#silent = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** New connections work again; the silenced ones never do. */
  endSilenceForNewConnections(): void {
    this.#silent = false;
  }

  #connect(inbound: Socket): void {
    const outbound = connect(this.#target);
    for (const socket of [inbound, outbound]) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
    }
    inbound.on('close', () => outbound.destroy());
    outbound.on('close', () => inbound.destroy());
    inbound.pipe(outbound);
    outbound.pipe(inbound);
    if (this.#silent) for (const socket of [inbound, outbound]) socket.pause();
  }
}
