/** Law: folding a stream gives what reading the equivalent reply gives. */
import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import path from "node:path"
import {
  chatContext,
  chatOptions,
  eventsFrom,
  framesOf,
  readText,
  withoutFields,
} from "../../../test/helpers/chat-codec.ts"
import type { Block } from "../../canonical/block.ts"
import { fold } from "../../canonical/fold.ts"
import { assertGrammar } from "../../canonical/grammar.ts"
import { parseExact } from "../../canonical/json.ts"
import type { Reply } from "../../canonical/reply.ts"
import { unfold } from "../../canonical/unfold.ts"
import { chatCodec } from "./codec.ts"

const FOLDER = path.resolve(import.meta.dir, "../../../test/fixtures/chat")
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".sse"))
  .map((file) => file.slice(0, -4))

const read = (file: string): string => readFileSync(path.join(FOLDER, file), "utf8")

export function replyOf(name: string): Reply {
  const result = chatCodec.readReply(parseExact(read(`${name}.json`)), chatContext())
  if ("failure" in result) throw new Error(result.failure.message)
  return result.reply
}

/** The details of a payload in one order of keys: a stream and a reply need not agree about that. */
function sorted(reply: Reply): Reply {
  const blocks = reply.blocks.map((block): Block => {
    if (block.type !== "reasoning" || block.seal?.form !== "details") return block
    const details = JSON.parse(block.seal.payload) as Record<string, unknown>[]
    const payload = JSON.stringify(details.map((one) => Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1))))
    return { ...block, seal: { ...block.seal, payload } }
  })
  return { ...reply, blocks }
}

/** Native details are given to a streaming client at the end, so they come back as a block of their own. */
function isNative(reply: Reply): boolean {
  return reply.blocks.some(
    (block) => block.type === "reasoning" && block.parts.length > 0 && block.seal?.form === "details",
  )
}

function said({ blocks }: Reply): unknown {
  const reasoning = blocks.filter((block) => block.type === "reasoning")
  return {
    others: blocks.filter((block) => block.type !== "reasoning"),
    visible: reasoning.flatMap((block) => block.parts.map((part) => part.text)).join(""),
    payload: withoutFields(reasoning)
      .map((block) => (block.type === "reasoning" ? block.seal?.payload : ""))
      .join(""),
  }
}

describe.each(NAMES)("the fixture %s", (name) => {
  test("is the same as a stream and as a reply", () => {
    const events = readText(read(`${name}.sse`))
    assertGrammar(events)
    const folded = fold(events)
    if ("failure" in folded) throw new Error(folded.failure.message)
    expect(sorted(folded.reply)).toEqual(sorted(replyOf(name)))
  })

  test("is the same when each chunk comes without index and shared fields that a server may leave out", () => {
    const frames = framesOf(read(`${name}.sse`)).map(({ data }) => {
      if (data === "[DONE]") return { data }
      const chunk = JSON.parse(data) as Record<string, unknown>
      delete chunk["object"]
      return { data: JSON.stringify(chunk) }
    })
    const folded = fold(eventsFrom(frames, chatCodec.createStreamReader(chatContext())))
    expect("reply" in folded).toBe(true)
  })

  test("reads back what is written of it, as a reply and as a stream", () => {
    const reply = replyOf(name)
    const written = chatCodec.writeReply(reply, chatOptions({ includeUsage: true }))
    const back = chatCodec.readReply(parseExact(JSON.stringify(written.body)), chatContext())
    if ("failure" in back) throw new Error(back.failure.message)
    const writer = chatCodec.createStreamWriter(chatOptions({ includeUsage: true }))
    const text = [...unfold(reply)].map((event) => writer.push(event)).join("")
    const streamed = fold(readText(text))
    if ("failure" in streamed) throw new Error(streamed.failure.message)
    if (isNative(reply)) expect(said(streamed.reply)).toEqual(said(reply))
    else expect(streamed.reply.blocks).toEqual(back.reply.blocks)
    expect(writer.losses()).toEqual(written.losses)
    const { sequence: _sequence, ...stop } = reply.stop
    expect(withoutFields(sorted(back.reply).blocks)).toEqual(withoutFields(sorted(reply).blocks))
    expect({ ...back.reply.stop, raw: null }).toEqual({
      ...stop,
      raw: null,
      ...(reply.stop.sequence ? { is: "end" } : {}),
    })
  })
})

test("the fixtures hold what they are named for", () => {
  const kinds = Object.fromEntries(
    NAMES.map((name) => [
      name,
      `${replyOf(name)
        .blocks.map((block) => block.type)
        .join(" ")} > ${replyOf(name).stop.is}`,
    ]),
  )
  expect(kinds).toEqual({
    audio: "raw > end",
    azure: "text > content-filter",
    calls: "tool-call tool-call tool-call > tool-calls",
    citations: "text > end",
    "custom-tool": "tool-call > tool-calls",
    "encrypted-reasoning": "reasoning text > end",
    "function-call": "tool-call > tool-calls",
    logprobs: "text > end",
    "plain-reasoning": "reasoning text > end",
    refusal: "refusal > refusal",
    "returned-fields": "reasoning tool-call > tool-calls",
    "signed-reasoning": "reasoning text > end",
    "stop-sequence": "text > stop-sequence",
    text: "text > end",
    "thinking-parts": "reasoning text > end",
    "two-choices": "text > end",
  })
})
