/** Which client program calls, from its `User-Agent`: a closed list, so that it can be a column and a label. */

const CLIENTS: readonly (readonly [RegExp, string])[] = [
  [/^codex[_-]/i, "codex"],
  [/^claude-cli\//i, "claude-code"],
  [/opencode/i, "opencode"],
  [/copilot/i, "copilot"],
  [/qwen-?code/i, "qwen-code"],
  [/\bcline\b/i, "cline"],
  [/^langchain/i, "langchain"],
  [/^Agents\//i, "openai-agents"],
  [/^ai(?:-sdk)?\//i, "vercel-ai-sdk"],
  [/^(?:Async)?OpenAI\/(?:JS|TS)/i, "openai-js"],
  [/^(?:Async)?OpenAI\/Python/i, "openai-python"],
  [/^(?:Async)?Anthropic\/(?:JS|TS)/i, "anthropic-js"],
  [/^(?:Async)?Anthropic\/Python/i, "anthropic-python"],
  [/^curl\//i, "curl"],
]

const LONGEST_REMEMBERED = 200
const REMEMBERED = 512
const seen = new Map<string, string>()

export function clientName(userAgent: string | null): string {
  if (userAgent === null || userAgent === "") return "unknown"
  const known = seen.get(userAgent)
  if (known !== undefined) return known
  const name = CLIENTS.find(([form]) => form.test(userAgent))?.[1] ?? "other"
  if (userAgent.length <= LONGEST_REMEMBERED && seen.size < REMEMBERED) seen.set(userAgent, name)
  return name
}
