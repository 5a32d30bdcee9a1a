/** Keys that stand in nearly every request: recognised by their bytes, so that no text is made of them. */

const USUAL = [
  "model",
  "messages",
  "input",
  "instructions",
  "system",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "temperature",
  "top_p",
  "stop",
  "n",
  "user",
  "seed",
  "metadata",
  "store",
  "include",
  "reasoning",
  "reasoning_effort",
  "response_format",
  "text",
  "thinking",
  "service_tier",
  "prompt_cache_key",
  "client_metadata",
  "context_management",
  "output_config",
  "presence_penalty",
  "frequency_penalty",
] as const

const LONGEST = Math.max(...USUAL.map((key) => key.length))
/** By length and first character; few keys share both. */
const BY_START: (string[] | undefined)[] = []
for (const key of USUAL) (BY_START[slotOf(key.length, key.charCodeAt(0))] ??= []).push(key)

function slotOf(length: number, first: number): number {
  return length * 128 + first
}

/** The key that the bytes between the quotes spell, if it is one of these. */
export function usualKey(bytes: Uint8Array, start: number, end: number): string | null {
  const length = end - start
  const first = bytes[start] ?? 0
  if (length === 0 || length > LONGEST || first > 127) return null
  const candidates = BY_START[slotOf(length, first)]
  if (candidates === undefined) return null
  for (const key of candidates) if (spells(key, bytes, start)) return key
  return null
}

function spells(key: string, bytes: Uint8Array, start: number): boolean {
  for (let at = 1; at < key.length; at++) if (bytes[start + at] !== key.charCodeAt(at)) return false
  return true
}
