/** The stored content of a call: asked for when somebody says so, never by itself. */
import { BASE } from "./location.ts"

export interface ContentPart {
  readonly part: string
  readonly form: "json" | "events" | "text"
  readonly content: string
  readonly original_bytes: number
  readonly kept_bytes: number
  readonly truncated: boolean
  readonly redactions: number
  readonly left_out: number
}

export interface StoredContent {
  readonly retention_until: string
  readonly parts: readonly ContentPart[]
}

export type Heard =
  | { readonly is: "content"; readonly content: StoredContent }
  | { readonly is: "deleted" }
  | { readonly is: "problem"; readonly message: string }

const MESSAGES: Readonly<Record<number, string>> = {
  401: "You are not signed in any more. Load the page anew to sign in.",
  403: "Your account may not do this: it takes a grant of content:capture.",
  404: "No content of this call is stored, or it is gone.",
}

export function readContent(call: string): Promise<Heard> {
  return ask(call, "GET", async (response) => ({ is: "content", content: (await response.json()) as StoredContent }))
}

export function deleteContent(call: string): Promise<Heard> {
  return ask(call, "DELETE", () => Promise.resolve({ is: "deleted" }))
}

async function ask(call: string, method: string, take: (response: Response) => Promise<Heard>): Promise<Heard> {
  try {
    const address = `${BASE}/api/content/${encodeURIComponent(call)}`
    const response = await fetch(address, { method, credentials: "same-origin" })
    return response.ok ? await take(response) : { is: "problem", message: await messageOf(response) }
  } catch {
    return { is: "problem", message: "The router cannot be reached. Is it running?" }
  }
}

async function messageOf(response: Response): Promise<string> {
  const known = MESSAGES[response.status]
  if (known !== undefined) return known
  try {
    const { error } = (await response.json()) as { error?: { message?: unknown } }
    if (typeof error?.message === "string") return error.message
  } catch {
    // it is no answer of the router
  }
  return `The router answered with status ${response.status}.`
}
