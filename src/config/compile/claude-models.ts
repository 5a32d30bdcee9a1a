/** Versions of Claude models, from the names that the vendor, clouds and gateways give them. */

/** `claude-opus-4-6`, `claude-sonnet-4-20250514`, `us.anthropic.claude-opus-4-6-v1`, `anthropic/claude-opus-4.6`. */
const FAMILY_FIRST = /claude-(?:opus|sonnet|haiku|fable|mythos)-(\d)(?:[-.](\d{1,2}))?(?!\d)/i
/** `claude-3-5-sonnet-20241022`, `claude-4.6-opus`. */
const VERSION_FIRST = /claude-(\d)(?:[-.](\d{1,2}))?-(?:opus|sonnet|haiku)/i

export function isClaude(model: string): boolean {
  return /claude/i.test(model)
}

/** Major and minor as one number, 4.06 for 4.6 and 4.1 for 4.10. A Claude of no known form counts as the newest. */
export function claudeVersion(model: string): number {
  const found = FAMILY_FIRST.exec(model) ?? VERSION_FIRST.exec(model)
  if (found === null) return Infinity
  const [, major, minor = "0"] = found
  return (Number(major) * 100 + Number(minor)) / 100
}
