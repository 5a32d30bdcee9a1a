/** `bun bench/micro/shape.ts`: what it costs to learn the shape of a request, beside scanning its body. */
import { DIALECTS } from "../../src/dialects/registry.ts"
import type { RequestShape } from "../../src/dialects/shape-reader.ts"
import { scanObject } from "../../src/json/scan.ts"
import { agentBody, longAgentBody, smallBody } from "../bodies.ts"
import { compare } from "./timing.ts"

const MAX_DEPTH = 512
const chat = DIALECTS["openai-chat"]

/** What filters may ask for. */
function flags(shape: RequestShape): number {
  const { imageCount, hasToolHistory, toolChoice, structuredOutput, reasoning, toolSchemaBytes } = shape
  return (
    imageCount + toolSchemaBytes + Number(hasToolHistory && structuredOutput && reasoning.requested) + toolChoice.length
  )
}

for (const [title, text, runs] of [
  ["small body", smallBody("bench"), 20_000],
  ["agent body", agentBody("bench"), 200],
  ["long agent body", longAgentBody("bench"), 30],
] as const) {
  const body = scanObject(new TextEncoder().encode(text), MAX_DEPTH)
  compare(`${title}, ${body.bytes.length} bytes`, runs, {
    scanObject: () => scanObject(body.bytes, MAX_DEPTH),
    images: () => chat.shapeOf(body).imageCount,
    tools: () => chat.shapeOf(body).toolCount,
    "tool history": () => chat.shapeOf(body).hasToolHistory,
    "flags without tools": () => flags(chat.shapeOf(body)),
    "texts (for strategies)": () => chat.shapeOf(body).textChars,
  })
}
