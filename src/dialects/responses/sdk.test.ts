/** The vendor's own accumulator, and the published schema, accept every stream and every object that is written. */

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import OpenAI, { APIError } from "openai"
import type { Block } from "../../canonical/block.ts"
import type { Event } from "../../canonical/event.ts"
import { fold } from "../../canonical/fold.ts"
import { isObject, type JsonObject } from "../../canonical/json.ts"
import type { Reply } from "../../canonical/reply.ts"
import { refusalWords } from "../../canonical/stop.ts"
import { facts, fixture, options, wireEvents, written, textOf } from "../../../test/helpers/responses-codec.ts"
import { faultsOfEvent, faultsOfResponse } from "../../../test/helpers/responses-schema.ts"
import { anyReply as anyVendorReply, eventsOf, plainReply } from "../../../test/laws/reply-arbitraries.ts"
import { responsesCodec } from "./codec.ts"
import { expectAsyncProperty, expectProperty } from "../../../test/helpers/property.ts"

/** Annotations and items of this dialect have a type, which the arbitrary ones lack. */
const anyReply = anyVendorReply.map((reply): Reply => {
  const blocks = reply.blocks.map((block): Block => {
    if (block.type !== "text" || block.citations === undefined) return block
    const citations = block.citations.map((one) =>
      one.kind === "raw" ? { ...one, raw: { ...one.raw, type: "file_citation" } } : one,
    )
    return { ...block, citations }
  })
  return { ...reply, blocks }
})

/** What the SDK makes of a stream. */
async function accumulated(stream: string): Promise<Record<string, unknown>> {
  const client = new OpenAI({
    apiKey: "key",
    baseURL: "http://127.0.0.1:1",
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(stream, { headers: { "content-type": "text/event-stream" } })),
  })
  const response: unknown = await client.responses.stream({ model: "group", input: "hi" }).finalResponse()
  if (!isObject(response)) throw new Error("the SDK gave no response")
  return { ...response }
}

interface Seen {
  readonly texts: readonly string[]
  readonly refusals: readonly string[]
  readonly calls: readonly unknown[]
}

function seenInOutput(output: unknown): Seen {
  const texts: string[] = []
  const refusals: string[] = []
  const calls: unknown[] = []
  for (const item of output as JsonObject[]) {
    if (item["type"] === "function_call") calls.push([item["name"], item["arguments"]])
    for (const part of (item["content"] ?? []) as JsonObject[]) {
      if (part["type"] === "output_text") texts.push(textOf(part["text"]))
      if (part["type"] === "refusal") refusals.push(textOf(part["refusal"]))
    }
  }
  return { texts, refusals, calls }
}

function seenInReply(reply: Reply): Seen {
  const shown = reply.blocks.flatMap((block) => {
    if (block.type !== "raw" || block.dialect === "responses") return [block]
    return block.text === null ? [] : [{ type: "text" as const, text: block.text }]
  })
  const refusals = shown.flatMap((block) => (block.type === "refusal" ? [block.text] : []))
  return {
    texts: shown.flatMap((block) => (block.type === "text" ? [block.text] : [])),
    refusals: refusals.length === 0 && reply.stop.is === "refusal" ? [refusalWords(reply.stop)] : refusals,
    calls: shown.flatMap((block) => (block.type === "tool-call" ? [[block.name, block.arguments]] : [])),
  }
}

function replyOf(events: readonly Event[]): Reply {
  const folded = fold(events)
  if (!("reply" in folded)) throw new Error("no reply")
  return folded.reply
}

describe("the OpenAI SDK", () => {
  test("accumulates any stream to the content that went in", async () => {
    await expectAsyncProperty(
      fc.asyncProperty(eventsOf(anyReply), async (events) => {
        const response = await accumulated(written(events))
        expect(seenInOutput(response["output"])).toEqual(seenInReply(replyOf(events)))
      }),
      150,
    )
  })

  test("accumulates a stream to the same output as the unary answer", async () => {
    await expectAsyncProperty(
      fc.asyncProperty(eventsOf(anyReply), async (events) => {
        const { output_text: _text, ...response } = await accumulated(written(events))
        const unary = responsesCodec.writeReply(replyOf(events), options()).body
        expect(response["output"]).toMatchObject(unary["output"] as JsonObject[])
        expect(response["usage"]).toEqual(unary["usage"])
        expect(response["status"]).toEqual(unary["status"])
      }),
      100,
    )
  })

  test("throws at a failure at any point, which holds what came before", async () => {
    await expectAsyncProperty(
      fc.asyncProperty(eventsOf(plainReply), fc.nat(40), async (events, cut) => {
        const failure = { kind: "server", status: null, message: "broken" } as const
        const kept = events.filter((event) => event.type !== "end").slice(0, cut)
        const stream = written([...kept, { type: "fail", failure, usage: null }])
        const thrown = await accumulated(stream).catch((error: unknown) => error)
        expect(thrown).toBeInstanceOf(APIError)
        expect(thrown).toMatchObject({ code: "server_error", type: "server_error", message: "broken" })
        const wire = wireEvents(stream)
        const response = wire.at(-1)?.["response"] as JsonObject
        expect(response).toMatchObject({ status: "failed", error: { code: "server_error", message: "broken" } })
        const done = wire.filter(({ type }) => type === "response.output_item.done")
        const openItems = (response["output"] as unknown[]).length - done.length
        expect(openItems).toBeLessThanOrEqual(1)
      }),
      100,
    )
  })

  test("accepts keep-alives anywhere", async () => {
    await expectAsyncProperty(
      fc.asyncProperty(eventsOf(plainReply), fc.nat(30), async (events, at) => {
        const writer = responsesCodec.createStreamWriter(options())
        let stream = ""
        for (const [index, event] of events.entries()) {
          if (index === at) stream += writer.keepAlive()
          stream += writer.push(event)
        }
        const response = await accumulated(stream)
        expect(seenInOutput(response["output"])).toEqual(seenInReply(replyOf(events)))
      }),
      50,
    )
  })
})

describe("the published schema", () => {
  test("accepts every event, numbered without gaps, with contiguous indexes", () => {
    expectProperty(
      fc.property(eventsOf(anyReply), (events) => {
        const wire = wireEvents(written(events))
        expect(wire.flatMap(faultsOfEvent)).toEqual([])
        expect(wire.map((event) => event.sequence_number)).toEqual(wire.map((_, index) => index))
        const added = wire.filter(({ type }) => type === "response.output_item.added")
        expect(added.map((event) => event["output_index"])).toEqual(added.map((_, index) => index))
        const done = wire.filter(({ type }) => type === "response.output_item.done")
        const last = wire.at(-1)?.["response"] as JsonObject
        expect(done.map((event) => event["item"])).toEqual(last["output"] as JsonObject[])
      }),
      200,
    )
  })

  test("accepts every object, whatever the client's body echoes", async () => {
    const bodies = [await fixture("codex-request.json"), await fixture("everything-request.json"), {}].filter(isObject)
    expectProperty(
      fc.property(anyReply, fc.constantFrom(...bodies), (reply, body) => {
        expect(faultsOfResponse(responsesCodec.writeReply(reply, options(body)).body)).toEqual([])
      }),
      200,
    )
  })

  test("says what the client asked for, and that nothing was stored", async () => {
    const body = await fixture("everything-request.json")
    if (!isObject(body)) throw new Error("no object")
    const { request } = responsesCodec.readRequest(body)
    expect(responsesCodec.writeRequest(request, facts(), (prefix) => prefix).body["store"]).toBe(true)
    const reply: Reply = { id: "x", model: "y", created: 7, blocks: [], stop: { is: "end", raw: null }, usage: null }
    expect(responsesCodec.writeReply(reply, options(body, request)).body).toMatchObject({
      created_at: 7,
      model: "group",
      instructions: "Be brief.",
      temperature: 0.5,
      truncation: "auto",
      metadata: { ticket: "42" },
      text: { verbosity: "high", format: { type: "json_schema" } },
      reasoning: { effort: "minimal", summary: "detailed" },
      tool_choice: { type: "allowed_tools" },
      store: false,
      previous_response_id: null,
      usage: null,
    })
  })
})
