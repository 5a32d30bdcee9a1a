/** What is written is read back as what it was, but for declared losses. */

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { arrange } from "../../canonical/arrange.ts"
import { identifyCalls } from "../../canonical/call-ids.ts"
import type { Block } from "../../canonical/block.ts"
import type { JsonValue } from "../../canonical/json.ts"
import type { Reply } from "../../canonical/reply.ts"
import type { Request } from "../../canonical/request.ts"
import { context, facts, fixture, minter, options } from "../../../test/helpers/responses-codec.ts"
import { anyReply, plainReply } from "../../../test/laws/reply-arbitraries.ts"
import { anyRequest, plainRequest } from "../../../test/laws/request-arbitraries.ts"
import { responsesCodec } from "./codec.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

/** Ids of any length, so that none has to be fingerprinted. */
const TARGET = facts({ idRules: { alphabet: "any", maxChars: Number.MAX_SAFE_INTEGER } })

function write(request: Request): ReturnType<typeof responsesCodec.writeRequest> {
  return responsesCodec.writeRequest(request, TARGET, minter())
}

function reread(request: Request): Request {
  const text = JSON.stringify(write(request).body)
  return responsesCodec.readRequest(JSON.parse(text) as JsonValue).request
}

/** The arranged conversation, with texts that stand next to each other apart as they were. */
function normal(request: Request): unknown {
  const { instructions, messages } = arrange(request, TARGET)
  const words = instructions.map((block) => (block.type === "text" ? block.text : "")).join("\n\n")
  return { ...request, model: "", instructions: words, messages }
}

/** Null is as good as absent, and a reader keeps none. The items of this dialect are ones that their role can say. */
function sayable(request: Request): Request {
  const extra = Object.fromEntries(Object.entries(request.extra).filter(([, value]) => value !== null))
  const messages = request.messages.map((message) => {
    const type = message.role === "assistant" ? "web_search_call" : "of_tomorrow"
    const blocks = message.blocks.map((block) => {
      return block.type === "raw" && block.dialect === "responses" ? { ...block, raw: { ...block.raw, type } } : block
    })
    return { ...message, blocks }
  })
  return { ...request, messages, extra }
}

describe("requests", () => {
  test("of this dialect come back whole", () => {
    expectProperty(
      fc.property(plainRequest, (made) => {
        const cap = made.cap === undefined ? {} : { cap: { ...made.cap, field: "max_output_tokens" as const } }
        const request: Request = { ...made, dialect: "responses", includeUsage: true, ...cap }
        expect(write(request).losses).toEqual([])
        expect(normal(reread(request))).toEqual(normal(request))
      }),
      300,
    )
  })

  test("of other dialects lose nothing that all can say", () => {
    expectProperty(
      fc.property(plainRequest, (made) => {
        expect(write(made).losses).toEqual([])
        const again = reread(made)
        expect(arrange(again, TARGET).messages).toEqual(arrange(made, TARGET).messages)
        expect(again.tools).toEqual(made.tools)
        expect(again.toolChoice).toEqual(made.toolChoice)
        expect(again.cap?.tokens).toEqual(made.cap?.tokens)
      }),
      200,
    )
  })

  test("of any kind are the same body when they are read and written again, and lose nothing more", () => {
    expectProperty(
      fc.property(anyRequest.map(sayable), (made) => {
        const again = write(reread(made))
        expect(again.body).toEqual(write(made).body)
        expect(again.losses).toEqual([])
      }),
      400,
    )
  })

  test.each(["codex-request.json", "everything-request.json"])("of %s lose nothing", async (name) => {
    const read = responsesCodec.readRequest(await fixture(name))
    expect(read.losses).toEqual([])
    const first = write(read.request)
    expect(first.losses).toEqual([])
    const again = responsesCodec.readRequest(JSON.parse(JSON.stringify(first.body)) as JsonValue).request
    expect(normal({ ...again, model: "" })).toEqual(normal(read.request))
  })
})

describe("replies", () => {
  function rereadReply(reply: Reply): Reply {
    const { body } = responsesCodec.writeReply(reply, options())
    const read = responsesCodec.readReply(body, context())
    if (!("reply" in read)) throw new Error(read.failure.message)
    return read.reply
  }

  test("come back whole, in another writing", () => {
    expectProperty(
      fc.property(plainReply, (made) => {
        const ids = made.blocks.flatMap((block) => (block.type === "tool-call" ? [block.id] : []))
        fc.pre(new Set(ids).size === ids.length)
        expect(responsesCodec.writeReply(made, options()).losses).toEqual([])
        const again = rereadReply(made)
        const usage = made.usage === null ? null : { cacheWrite5mTokens: 0, ...made.usage }
        expect({ ...again, id: "", model: "" }).toEqual({
          ...made,
          id: "",
          model: "",
          usage,
          serviceTier: "default",
          stop: { is: made.stop.is, raw: made.stop.is === "length" ? "max_output_tokens" : "completed" },
        })
      }),
      300,
    )
  })

  test("come back as history with every seal, whoever made it", () => {
    const isKept = (block: Block): boolean => block.type === "reasoning" || block.type === "tool-call"
    expectProperty(
      fc.property(anyReply, (made) => {
        const ids = made.blocks.flatMap((block) => (block.type === "tool-call" ? [block.id] : []))
        fc.pre(new Set(ids).size === ids.length)
        const { body } = responsesCodec.writeReply(made, options())
        const { request } = responsesCodec.readRequest({
          input: JSON.parse(JSON.stringify(body["output"])) as JsonValue,
        })
        const blocks = identifyCalls(request.messages, "renamed").flatMap((message) => message.blocks)
        expect(blocks.filter(isKept)).toEqual(made.blocks.filter(isKept))
      }),
      300,
    )
  })
})
