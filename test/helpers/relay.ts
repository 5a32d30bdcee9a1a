/** Stands between a client and a server, and loses answers when told to. */
import { createServer, connect, type AddressInfo, type Socket } from "node:net"

export interface Relay extends AsyncDisposable {
  readonly port: number
  /** What becomes of answers: passed on, dropped in silence, or the connection is cut where one would be passed on. */
  answers: "pass" | "vanish" | "cut"
}

export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1")
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => other.destroy())
    }
    client.on("data", (bytes) => upstream.write(bytes))
    upstream.on("data", (bytes) => {
      if (relay.answers === "pass") client.write(bytes)
      if (relay.answers === "cut") client.destroy()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    answers: "pass",
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return relay
}
