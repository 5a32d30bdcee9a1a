/** The tokens that stand in a configuration and its callers file, also where there are faults elsewhere. */
import { parse } from "yaml"
import type { CallerTexts } from "./config-file.ts"
import type { EditPath } from "../../config/edit/edit.ts"
import { listOf, mapping, textOf, textsOf, type Entry } from "../../config/read/outline.ts"

export interface ListedToken {
  readonly tokenId: string
  readonly caller: string
  readonly user: string
  readonly project: string
  readonly environment: string
  /** The caller's, where that is not `active`; else whether the token has expired. */
  readonly status: string
  /** As it is written; null: never. */
  readonly expiresAt: string | null
  /** Unix milliseconds; infinity: never. */
  readonly expiresAtMs: number
  readonly allow: readonly string[]
  /** Where the caller stands in the file, and the token with the name of the key that holds its expiry. */
  readonly callerPath: EditPath
  readonly tokenPath: EditPath
  readonly expiryKey: "token_expires_at" | "expires_at"
}

/** @throws what the YAML parser throws. Lines of the callers file that are no JSON hold no tokens. */
export function tokensIn({ text, callers }: CallerTexts, nowMs: number): readonly ListedToken[] {
  const tree = mapping(parse(text, { version: "1.2", merge: true, uniqueKeys: false }))
  const entries = [...listOf(tree["callers"], ["callers"]), ...(callers === null ? [] : linesOf(callers.text))]
  return entries.flatMap((caller) => [
    listed(caller, caller, "token_expires_at", nowMs),
    ...listOf(caller.fields["tokens"], [...caller.path, "tokens"]).map((token) =>
      listed(caller, token, "expires_at", nowMs),
    ),
  ])
}

function linesOf(text: string): readonly Entry[] {
  return text.split("\n").flatMap((line, index) => {
    try {
      return [{ path: ["callers_file", index], fields: mapping(JSON.parse(line)) }]
    } catch {
      return []
    }
  })
}

function listed(caller: Entry, token: Entry, expiryKey: ListedToken["expiryKey"], nowMs: number): ListedToken {
  const expiresAt = textOf(token, expiryKey) ?? null
  const expiresAtMs = expiresAt === null ? Infinity : Date.parse(expiresAt)
  const status = textOf(caller, "status") ?? "active"
  return {
    tokenId: textOf(token, "token_id") ?? "",
    caller: textOf(caller, "id") ?? "",
    user: textOf(caller, "owner_user") ?? "",
    project: textOf(caller, "project") ?? "",
    environment: textOf(caller, "environment") ?? "",
    status: status === "active" && expiresAtMs <= nowMs ? "expired" : status,
    expiresAt,
    expiresAtMs,
    allow: textsOf(caller.fields["allow"], []).map(({ text: group }) => group),
    callerPath: caller.path as EditPath,
    tokenPath: token.path as EditPath,
    expiryKey,
  }
}
