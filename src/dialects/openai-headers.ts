/** The headers that clients of OpenAI's two APIs send to OpenAI. */
export const OPENAI_HEADERS: readonly string[] = [
  "openai-beta",
  "x-openai-internal-codex-responses-lite",
  "x-codex-turn-state",
  "idempotency-key",
]
