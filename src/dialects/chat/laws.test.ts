/** Round trips, and input of any shape. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import {
  chatContext,
  chatFacts,
  chatOptions,
  counter,
  readText,
  writeEvents,
} from "../../../test/helpers/chat-codec.ts"
import { anyReply, plainReply } from "../../../test/laws/reply-arbitraries.ts"
import { anyRequest, plainRequest } from "../../../test/laws/request-arbitraries.ts"
import type { Block } from "../../canonical/block.ts"
import { fold } from "../../canonical/fold.ts"
import { AS_WRITTEN, encodeId } from "../../canonical/id-map.ts"
import { parseExact, type JsonValue } from "../../canonical/json.ts"
import type { Dialect } from "../../canonical/origin.ts"
import type { Reply } from "../../canonical/reply.ts"
import type { Message, Request } from "../../canonical/request.ts"
import { wrapReasoning } from "../../canonical/seal.ts"
import { unfold } from "../../canonical/unfold.ts"
import { RouterError } from "../../errors.ts"
import { chatCodec } from "./codec.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { expectProperty } from "../../../test/helpers/property.ts"

const wire = (value: unknown): JsonValue => parseExact(JSON.stringify(value))

/** All that Chat can do. */
const FULL: Partial<TargetFacts> = {
  developerRole: true,
  customTools: true,
  topK: true,
  serviceTier: true,
  stripAttribution: false,
  reasoningHistory: "reasoning_content",
  maxStopSequences: 99,
  idRules: AS_WRITTEN,
}

function rewritten(request: Request, own: Partial<TargetFacts> = FULL): Request {
  return chatCodec.readRequest(wire(chatCodec.writeRequest(request, chatFacts(own), counter()).body)).request
}

const instructionsOf = (request: Request): readonly Message[] =>
  request.instructions.length === 0 ? [] : [{ role: "system", blocks: request.instructions }]

describe("a request", () => {
  test("comes back as it was where all dialects can say it", () => {
    expectProperty(
      fc.property(plainRequest, (request) => {
        const facts = chatFacts(FULL)
        const written = chatCodec.writeRequest(request, facts, counter())
        const spoken = chatCodec.readRequest(wire(written.body)).request
        expect(normal(spoken.messages, facts)).toEqual(normal([...instructionsOf(request), ...request.messages], facts))
        expect(written.losses.filter((loss) => loss.code !== "block-order" && loss.code !== "tool-strict")).toEqual([])
        expect(spoken.tools.map((tool) => tool.type !== "raw" && tool.name)).toEqual(
          request.tools.map((tool) => tool.type !== "raw" && tool.name),
        )
        expect(spoken.toolChoice).toEqual(request.toolChoice)
        expect(spoken.cap?.tokens).toBe(request.cap?.tokens)
        expect(spoken.stream).toBe(request.stream)
      }),
      300,
    )
  })

  test("is written the same again, without a further loss", () => {
    expectProperty(
      fc.property(anyRequest, (request) => {
        const home = { ...request, extra: {} }
        const once = rewritten(home)
        const facts = chatFacts(FULL)
        const again = chatCodec.writeRequest(once, facts, counter())
        const lost = again.losses.filter((loss) => loss.code !== "reasoning-history")
        expect(lost).toEqual([])
        expect(chatCodec.readRequest(wire(again.body)).request).toEqual(once)
      }),
      300,
    )
  })

  test("has a body without undefined that is the same every time", () => {
    expectProperty(
      fc.property(anyRequest, (request) => {
        const body = (): unknown => chatCodec.writeRequest(request, chatFacts(), counter()).body
        expect(JSON.stringify(body())).toBe(JSON.stringify(body()))
        expect(wire(body())).toEqual(body() as JsonValue)
      }),
    )
  })

  test("leaves no payload to another issuer", () => {
    expectProperty(
      fc.property(anyRequest, (request) => {
        const text = JSON.stringify(chatCodec.writeRequest(request, chatFacts(FULL), counter()).body)
        expect(text).not.toContain("rtr1.")
        for (const { blocks } of request.messages) {
          for (const block of blocks) {
            if (block.type !== "reasoning" || block.seal === null || block.seal.payload.length < 12) continue
            expect(text).not.toContain(JSON.stringify(block.seal.payload).slice(1, -1))
          }
        }
      }),
    )
  })
})

/** A user's results apart, neighbours joined, ids as the target takes them: two spellings of one conversation are equal. */
function normal(messages: readonly Message[], facts: TargetFacts): unknown {
  const joined: { role: string; blocks: Block[] }[] = []
  for (const { role, blocks } of messages) {
    const last = joined.at(-1)
    const mine = blocks.map((block): Block => {
      if (block.type === "tool-call") return { ...block, id: encodeId(block.id, facts.idRules) }
      return block.type === "tool-result" ? { ...block, callId: encodeId(block.callId, facts.idRules) } : block
    })
    if (last !== undefined && last.role === role && role !== "system") last.blocks.push(...mine)
    else joined.push({ role, blocks: [...mine] })
  }
  // Chat has no order between text and calls.
  return joined.map(({ role, blocks }) => ({
    role,
    text: blocks.filter((block) => block.type !== "tool-call"),
    calls: blocks.filter((block) => block.type === "tool-call"),
  }))
}

function readBack(reply: Reply): Reply {
  const { body } = chatCodec.writeReply(reply, chatOptions({ includeUsage: true }))
  const result = chatCodec.readReply(wire(body), chatContext())
  if ("failure" in result) throw new Error(result.failure.message)
  return result.reply
}

describe("replies", () => {
  const texts = (reply: Reply): string =>
    reply.blocks.map((block) => (block.type === "text" ? block.text : "")).join("")
  const calls = (reply: Reply): readonly Block[] => reply.blocks.filter((block) => block.type === "tool-call")

  test("come back as they were", () => {
    expectProperty(
      fc.property(plainReply, (reply) => {
        const back = readBack(reply)
        expect(texts(back)).toBe(texts(reply))
        expect(calls(back)).toEqual(calls(reply))
        expect(back.stop.is).toBe(reply.stop.is)
        expect(back.usage).toEqual(reply.usage === null ? null : expect.objectContaining({ ...reply.usage }))
      }),
    )
  })

  test("of any kind keep their text, refusals and calls, and their reasoning comes back as history", () => {
    expectProperty(
      fc.property(anyReply, (reply) => {
        const { body, losses } = chatCodec.writeReply(reply, chatOptions())
        const result = chatCodec.readReply(wire(body), chatContext())
        if ("failure" in result) throw new Error(result.failure.message)
        expect(calls(result.reply)).toEqual(calls(reply))
        const { choices } = body as unknown as { choices: { message: JsonValue }[] }
        const history = chatCodec.readRequest({ messages: [choices[0]?.message ?? null] }).request.messages[0]
        const foreign = reply.blocks.filter(
          (block) => block.type === "reasoning" && block.seal?.issuer.dialect !== "chat",
        )
        for (const block of foreign) {
          if (block.type === "reasoning" && wrapReasoning(block) !== null) expect(history?.blocks).toContainEqual(block)
        }
        for (const loss of losses) expect(loss.code.startsWith("reply-")).toBe(true)
      }),
      300,
    )
  })

  test("have reasoning where it stood", () => {
    const from: Dialect = "messages"
    const sealed = (payload: string): Block => ({
      type: "reasoning",
      parts: [{ kind: "raw", text: payload }],
      seal: { issuer: { dialect: from, label: "l" }, form: "signature", payload },
    })
    const call: Block = { type: "tool-call", id: "c", name: "f", namespace: null, kind: "function", arguments: "{}" }
    const layout = fc
      .record({
        a: fc.nat({ max: 2 }),
        text: fc.boolean(),
        b: fc.nat({ max: 2 }),
        calls: fc.nat({ max: 2 }),
        c: fc.nat({ max: 1 }),
      })
      .map(({ a, text, b, calls: count, c }): Block[] => {
        const some = (name: string, many: number): Block[] =>
          Array.from({ length: many }, (_, n) => sealed(`${name}${n}`))
        return [
          ...some("a", a),
          ...(text ? [{ type: "text", text: "t" } as const] : []),
          ...some("b", b),
          ...Array.from({ length: count }, (_, n) => ({ ...call, id: `c${n}` })),
          ...some("c", c),
        ]
      })
    expectProperty(
      fc.property(layout, (blocks) => {
        const reply: Reply = { id: "", model: "m", created: 1, blocks, stop: { is: "end", raw: null }, usage: null }
        const { body } = chatCodec.writeReply(reply, chatOptions())
        const { choices } = body as unknown as { choices: { message: JsonValue }[] }
        expect(chatCodec.readRequest({ messages: [choices[0]?.message ?? null] }).request.messages[0]?.blocks).toEqual(
          blocks,
        )
        // The same from a stream, through the plainest accumulator.
        const held = writeEvents(unfold(reply))
        const details = /"reasoning_details":(\[.*?\])\}/.exec(held)?.[1] ?? "[]"
        const streamed = { ...(choices[0]?.message as object), reasoning_details: JSON.parse(details) as JsonValue }
        expect(chatCodec.readRequest({ messages: [streamed] }).request.messages[0]?.blocks).toEqual(blocks)
      }),
    )
  })

  test("are read as they were when they are unfolded and written as a stream", () => {
    expectProperty(
      fc.property(plainReply, (reply) => {
        const folded = fold(readText(writeEvents(unfold(reply), chatOptions({ includeUsage: true }))))
        if ("failure" in folded) throw new Error(folded.failure.message)
        expect(texts(folded.reply)).toBe(texts(reply))
        expect(calls(folded.reply)).toEqual(calls(reply))
        expect(folded.reply.stop.is).toBe(reply.stop.is)
      }),
    )
  })
})

describe("input of any shape is read:", () => {
  const keys = fc.constantFrom(
    ..."messages role content tool_calls id function custom name arguments input type text tools tool_choice functions".split(
      " ",
    ),
    ..."function_call stop n seed reasoning thinking reasoning_details data index choices message finish_reason usage".split(
      " ",
    ),
    ..."error logprobs annotations url_citation refusal images image_url url file file_data audio response_format".split(
      " ",
    ),
  )
  const { chaos } = fc.letrec<{ chaos: unknown }>((tie) => ({
    chaos: fc.oneof(
      { maxDepth: 7, depthIdentifier: "any" },
      fc.constantFrom(
        null,
        "",
        "assistant",
        "tool",
        "user",
        "text",
        "thinking",
        "function",
        "custom",
        0,
        7,
        true,
        "data:;base64,",
      ),
      fc.dictionary(keys, tie("chaos"), { maxKeys: 5, depthIdentifier: "any" }),
      fc.array(tie("chaos"), { maxLength: 3, depthIdentifier: "any" }),
    ),
  }))
  const roles = fc.constantFrom("system", "developer", "user", "assistant", "tool", "function")

  test("a request is read or refused with a path, and what is read can be written", () => {
    const message = fc.tuple(roles, fc.dictionary(keys, chaos)).map(([role, rest]) => ({ ...rest, role }))
    const body = fc
      .tuple(fc.dictionary(keys, chaos), fc.array(message))
      .map(([rest, messages]) => ({ ...rest, messages }))
    expectProperty(
      fc.property(fc.oneof(body, chaos), (value) => {
        try {
          const { request } = chatCodec.readRequest(wire(value))
          chatCodec.writeRequest(request, chatFacts(), counter())
        } catch (thrown) {
          if (!(thrown instanceof RouterError)) throw thrown
          expect(thrown.detail.param).toBeTruthy()
        }
      }),
      400,
    )
  })

  test("an answer is a reply or a failure", () => {
    const choice = fc.dictionary(keys, chaos).map((message) => ({ index: 0, message, finish_reason: "stop" }))
    const body = fc.tuple(fc.dictionary(keys, chaos), fc.array(choice)).map(([rest, choices]) => ({ ...rest, choices }))
    expectProperty(
      fc.property(fc.oneof(body, chaos), (value) => {
        const result = chatCodec.readReply(wire(value), chatContext())
        if ("reply" in result) chatCodec.writeReply(result.reply, chatOptions())
        else expect(result.failure.message).not.toBe("")
        expect(chatCodec.readError(500, wire(value)).message).not.toBe("")
      }),
      400,
    )
  })
})
