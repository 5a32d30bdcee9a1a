/** Answers that are for administrators only: nobody keeps them, and no browser does more with them than show them. */
import { DIALECTS } from "../dialects/registry.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { answer } from "./plain.ts"

const PRIVATE = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
} as const

export async function forAdministrators(
  request: Incoming,
  gateway: Gateway,
  handle: (requestId: string) => Outgoing | Promise<Outgoing>,
): Promise<Outgoing> {
  const outgoing = await answer(request, DIALECTS["openai-chat"], gateway, handle)
  return { ...outgoing, headers: { ...PRIVATE, ...outgoing.headers } }
}
