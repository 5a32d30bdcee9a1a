/** Stands between a client and a router, changes nothing, and notes what the client asks for. */
import type { Door } from "./client.ts"

export interface Asked {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Where the token stood. */
  readonly header: string
}

export interface Relay {
  readonly url: string
  readonly asked: readonly Asked[]
  stop(): Promise<void>
}

/** What holds for one connection alone. */
const OF_A_CONNECTION = ["connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding"]

export function startRelay(door: Door): Relay {
  const asked: Asked[] = []
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url)
      const header = ["authorization", "x-api-key"].filter((name) => request.headers.get(name)?.includes(door.token))
      asked.push({ method: request.method, target: pathname + search, header: header.join(" and ") })
      const body = await request.bytes()
      const answer = await fetch(door.url + pathname + search, {
        method: request.method,
        headers: passedOn(request.headers),
        ...(body.length === 0 ? {} : { body }),
      })
      return new Response(answer.body, { status: answer.status, headers: passedOn(answer.headers) })
    },
  })
  return { url: server.url.origin, asked, stop: () => server.stop(true) }
}

function passedOn(headers: Headers): Headers {
  const kept = new Headers(headers)
  for (const name of OF_A_CONNECTION) kept.delete(name)
  return kept
}
