/**
 * What a prompt seems to be about, by a few words and marks in the last bytes of the conversation: the newest turn stands
 * there. Only the raw JSON is looked at (a line break is `\n` in it), at most `maxScanBytes` of it.
 */
import { Buffer } from "node:buffer"
import type { PromptFeature, ScoreSettings } from "../config/score-settings.ts"
import type { CallFacts } from "./strategy.ts"

type Needles = Readonly<Record<Exclude<PromptFeature, "tool_agent">, readonly string[]>>

/** A word without its first letter is found at the start of a sentence, too. */
const NEEDLES: Needles = {
  code: ["```"],
  diff: ["diff --git ", "\\n@@ -"],
  stack_trace: ["Traceback (most recent", "\\n    at ", "panic: "],
  summarize: ["ummarize", "ummarise", "TL;DR"],
  extract: ["xtract "],
  security_review: ["ulnerabilit", "ecurity review", "CVE-"],
}
const NAMES = Object.keys(NEEDLES) as (keyof Needles)[]

export function promptFeaturesOf(
  call: CallFacts,
  { maxScanBytes, features }: NonNullable<ScoreSettings["promptFeatures"]>,
): readonly PromptFeature[] {
  const found: PromptFeature[] = []
  if (features.has("tool_agent") && call.shape?.hasToolHistory === true && call.shape.toolCount > 0)
    found.push("tool_agent")
  const text = lastBytes(call, maxScanBytes)
  if (text === "") return found
  for (const name of NAMES)
    if (features.has(name) && NEEDLES[name].some((needle) => text.includes(needle))) found.push(name)
  return found
}

/** The end of the conversation, a character for each byte. */
function lastBytes({ body }: CallFacts, maxScanBytes: number): string {
  const member = body?.members.find(({ key }) => key === "messages" || key === "input")
  if (body === null || member === undefined) return ""
  const { buffer, byteOffset } = body.bytes
  const start = Math.max(member.start, member.end - maxScanBytes)
  return Buffer.from(buffer, byteOffset + start, member.end - start).toString("latin1")
}
