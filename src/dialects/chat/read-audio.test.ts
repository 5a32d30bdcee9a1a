import { expect, test } from "bun:test"
import { chatContext, delta, readText, streamOf } from "../../../test/helpers/chat-codec.ts"
import type { Reply } from "../../canonical/reply.ts"
import { fold } from "../../canonical/fold.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { chatCodec } from "./codec.ts"

const audio = { id: "audio_1", data: "UklGRg==", transcript: "Spoken words." }

function replyOf(message: JsonObject): Reply {
  const body = { id: "c", model: "m", choices: [{ index: 0, message, finish_reason: "stop" }] }
  const read = chatCodec.readReply(body, chatContext())
  if ("failure" in read) throw new Error(read.failure.message)
  return read.reply
}

function streamed(content: readonly string[]): Reply {
  const pieces = content.map((text) => delta({ content: text }))
  const folded = fold(readText(streamOf(...pieces, delta({ audio }), delta({}, "stop"))))
  if ("failure" in folded) throw new Error(folded.failure.message)
  return folded.reply
}

const words = (reply: Reply): readonly (string | null)[] =>
  reply.blocks.map((block) => (block.type === "text" || block.type === "raw" ? block.text : null))

test("spoken words that stand in the text too are not said twice", () => {
  expect(words(replyOf({ content: "Spoken words.", audio }))).toEqual(["Spoken words.", null])
  expect(words(streamed(["Spoken ", "words."]))).toEqual(["Spoken words.", null])
})

test("spoken words beside other text, or alone, are said", () => {
  expect(words(replyOf({ content: "Listen:", audio }))).toEqual(["Listen:", "Spoken words."])
  expect(words(replyOf({ content: null, audio }))).toEqual(["Spoken words."])
  expect(words(streamed(["Listen:"]))).toEqual(["Listen:", "Spoken words."])
  expect(words(streamed([]))).toEqual(["Spoken words."])
})
