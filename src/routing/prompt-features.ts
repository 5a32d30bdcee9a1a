/**
 * What a prompt seems to be about, by a few words and marks in the last bytes of the conversation: the newest turn stands
 * there. Only the raw JSON is looked at (a line break is `\n` in it), at most `maxScanBytes` of it.
 */
import { Buffer } from "node:buffer"
import { WIRES } from "../dialects/wires.ts"
import { searchable } from "../json/search.ts"
import type { ScoreSettings } from "../config/compile/score-settings.ts"
import type { PromptFeature } from "../config/schema/word-lists.ts"
import type { CallFacts } from "./strategy.ts"

type Needles = Readonly<Record<Exclude<PromptFeature, "tool_agent">, readonly string[]>>
type Word = readonly [feature: PromptFeature, word: Buffer]

/** A word without its first letter is found at the start of a sentence, too. */
const NEEDLES: Needles = {
  code: ["```"],
  diff: ["diff --git ", "\\n@@ -"],
  stack_trace: ["Traceback (most recent", "\\n    at ", "panic: "],
  summarize: ["ummarize", "ummarise", "TL;DR"],
  extract: ["xtract "],
  security_review: ["ulnerabilit", "ecurity review", "CVE-"],
}
/** Bytes are searched several times faster than the text of them. */
const WORDS: readonly Word[] = Object.entries(NEEDLES).flatMap(([feature, words]) =>
  words.map((word): Word => [feature as PromptFeature, Buffer.from(word)]),
)

export function promptFeaturesOf(
  call: CallFacts,
  { maxScanBytes, features }: NonNullable<ScoreSettings["promptFeatures"]>,
): readonly PromptFeature[] {
  const found: PromptFeature[] = []
  if (features.has("tool_agent") && call.shape?.hasToolHistory === true && call.shape.toolCount > 0)
    found.push("tool_agent")
  const text = lastBytes(call, maxScanBytes)
  if (text === null) return found
  for (const [feature, word] of WORDS)
    if (features.has(feature) && !found.includes(feature) && text.includes(word)) found.push(feature)
  return found
}

/** The end of the conversation. */
function lastBytes({ body, dialect }: CallFacts, maxScanBytes: number): Buffer | null {
  const { conversationMember } = WIRES[dialect]
  const member = body?.members.find(({ key }) => key === conversationMember)
  if (body === null || member === undefined) return null
  return searchable(body.bytes, Math.max(member.start, member.end - maxScanBytes), member.end)
}
