/** The calls that policies make. What may be called, and how, is checked by whoever implements this. */
import type { PolicyHttp } from "../../config/compile/policy-settings.ts"

export interface PolicyRequest {
  readonly url: string
  readonly method: "GET" | "POST"
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
  readonly rules: PolicyHttp
  readonly timeoutMs?: number
  /** Follow only redirects that keep method and body. */
  readonly keepMethod: boolean
}

export type PolicyAnswer =
  | { readonly kind: "answer"; readonly status: number; readonly bytes: Uint8Array }
  | { readonly kind: "fault"; readonly fault: "forbidden" | "redirect" | "timeout" | "network" | "too-large" }

/** Never rejects. */
export interface PolicyClient {
  send(request: PolicyRequest): Promise<PolicyAnswer>
}

const decoder = new TextDecoder("utf-8", { fatal: true })

/** The text, when it is valid UTF-8 and JSON; null otherwise. */
export function jsonText(bytes: Uint8Array): string | null {
  try {
    const text = decoder.decode(bytes)
    JSON.parse(text)
    return text
  } catch {
    return null
  }
}
