/**
 * Arbitrary requests: everything that the form can hold (`anyRequest`), and the part that all three dialects can say
 * without a loss (`plainRequest`).
 */

import fc from "fast-check"
import type { Block } from "../../src/canonical/block.ts"
import type { Message, Request } from "../../src/canonical/request.ts"
import { emptyRequest } from "../helpers/empty-request.ts"
import type { Tool, ToolChoice } from "../../src/canonical/tool.ts"
import {
  argumentsText,
  cacheMark,
  callId,
  dialect,
  document,
  jsonObject,
  plainImage,
  plainText,
  raw,
  reasoning,
  richText,
  text,
  toolCall,
  toolResult,
  word,
} from "./arbitraries.ts"

type Arb<T> = fc.Arbitrary<T>

const said = (role: Message["role"], block: Arb<Block>): Arb<readonly Message[]> =>
  fc.array(block, { minLength: 1, maxLength: 3 }).map((blocks) => [{ role, blocks }])

/** An assistant message with calls, and one `tool` message per result, as Chat has it. */
function toolTurn(lead: Arb<Block>, content: Arb<Block>): Arb<readonly Message[]> {
  const calls = fc.uniqueArray(toolCall(callId, argumentsText), {
    minLength: 1,
    maxLength: 3,
    selector: (one) => one.id,
  })
  return fc.tuple(fc.array(lead, { maxLength: 2 }), calls).chain(([blocks, made]) => {
    const results = made.map((call) =>
      toolResult(call, content).map((block): Message => ({ role: "tool", blocks: [block] })),
    )
    return fc
      .tuple(...results)
      .map((messages): readonly Message[] => [{ role: "assistant", blocks: [...blocks, ...made] }, ...messages])
  })
}

const plainTool: Arb<Tool> = fc.record({
  type: fc.constant("function"),
  name: word,
  namespace: fc.constant(null),
  description: text,
  schema: jsonObject.map((properties) => ({ type: "object", properties })),
  strict: fc.boolean(),
})

const anyTool: Arb<Tool> = fc.oneof(
  plainTool,
  fc.record({
    type: fc.constant("function" as const),
    name: fc.string({ minLength: 1, maxLength: 80 }),
    namespace: fc.option(word),
  }),
  fc.record(
    {
      type: fc.constant("custom" as const),
      name: word,
      namespace: fc.option(word),
      grammar: fc.record({ syntax: fc.constantFrom("lark", "regex"), definition: text }),
    },
    { requiredKeys: ["type", "name", "namespace"] },
  ),
  fc.record({
    type: fc.constant("raw" as const),
    dialect,
    vendorType: word,
    runs: fc.constantFrom("provider" as const, "client" as const),
    name: fc.option(word),
    raw: jsonObject.map((fields) => ({ ...fields, type: "vendor_tool" })),
  }),
)

function tools(tool: Arb<Tool>): Arb<readonly Tool[]> {
  const selector = (one: Tool): string =>
    one.type === "raw" ? one.vendorType : JSON.stringify([one.namespace, one.name])
  return fc.uniqueArray(tool, { maxLength: 4, selector })
}

const choice: Arb<ToolChoice> = fc.record({ mode: fc.constantFrom("auto", "none", "required") })

/** Messages and wishes that all three dialects carry without a loss; conversation begins and ends with a user. */
export const plainRequest: Arb<Request> = fc
  .record({
    origin: dialect,
    instructions: fc.array(plainText, { maxLength: 1 }),
    first: plainText,
    turns: fc.array(
      fc.oneof(
        said("user", fc.oneof(plainText, plainImage)),
        said("assistant", plainText),
        toolTurn(plainText, plainText),
      ),
      { maxLength: 4 },
    ),
    last: plainText,
    tools: tools(plainTool),
    choice: fc.option(choice, { nil: undefined }),
    cap: fc.option(fc.integer({ min: 16, max: 4096 }), { nil: undefined }),
    stream: fc.boolean(),
  })
  .map((made) => ({
    ...emptyRequest(made.origin, "group"),
    instructions: made.instructions,
    messages: [
      { role: "user", blocks: [made.first] },
      ...made.turns.flat(),
      { role: "user", blocks: [made.last] },
    ] satisfies readonly Message[],
    tools: made.tools,
    ...(made.choice === undefined || made.tools.length === 0 ? {} : { toolChoice: made.choice }),
    ...(made.cap === undefined ? {} : { cap: { tokens: made.cap, field: "max_tokens" as const } }),
    stream: made.stream,
  }))

const anyTurn: Arb<readonly Message[]> = fc.oneof(
  said("user", fc.oneof(plainText, plainImage, document, raw, richText)),
  said("system", plainText),
  said("developer", plainText),
  said("assistant", fc.oneof(richText, reasoning, raw, toolCall(callId, argumentsText))),
  toolTurn(fc.oneof(reasoning, richText), fc.oneof(plainText, plainImage, raw)),
  // Results that nobody asked for, or asked for elsewhere.
  fc
    .tuple(toolCall(callId, argumentsText), fc.boolean())
    .chain(([call, inUser]) =>
      toolResult(call, plainText).map((block): readonly Message[] => [
        { role: inUser ? "user" : "tool", blocks: [block] },
      ]),
    ),
)

/** Everything that a request can hold, sensible or not. */
export const anyRequest: Arb<Request> = fc
  .record({
    origin: dialect,
    instructions: fc.array(
      fc.record({ type: fc.constant("text" as const), text, cache: cacheMark }, { requiredKeys: ["type", "text"] }),
      { maxLength: 3 },
    ),
    turns: fc.array(anyTurn, { maxLength: 6 }),
    tools: tools(anyTool),
    stopSequences: fc.array(text, { maxLength: 3 }),
    sampling: fc.record(
      { temperature: fc.double({ min: 0, max: 2, noNaN: true }), topP: fc.constant(0.5) },
      { requiredKeys: [] },
    ),
    reasoning: fc.option(
      fc.record(
        {
          control: fc.constantFrom("enabled" as const, "adaptive" as const, "disabled" as const),
          effort: fc.constantFrom("none", "minimal", "low", "high", "max", "unheard-of"),
          budgetTokens: fc.integer({ min: 0, max: 100_000 }),
          summary: fc.constant("auto"),
        },
        { requiredKeys: [] },
      ),
      { nil: undefined },
    ),
    parallel: fc.option(fc.boolean(), { nil: undefined }),
    extra: jsonObject,
    stream: fc.boolean(),
  })
  .map(({ origin, turns, reasoning: wish, parallel, ...rest }) => ({
    ...emptyRequest(origin, "group"),
    ...rest,
    messages: turns.flat(),
    ...(wish === undefined ? {} : { reasoning: wish }),
    ...(parallel === undefined ? {} : { parallelToolCalls: parallel }),
  }))
