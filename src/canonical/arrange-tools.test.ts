import { describe, expect, test } from "bun:test"
import { arrangeTools } from "./arrange-tools.ts"
import type { Dialect } from "./origin.ts"
import type { Request } from "./request.ts"
import { emptyRequest } from "../../test/helpers/empty-request.ts"
import { defaultFacts, type TargetFacts } from "./target.ts"
import type { FunctionTool, RawTool, Tool } from "./tool.ts"

const facts = (dialect: Dialect, own: Partial<TargetFacts> = {}): TargetFacts => {
  return { ...defaultFacts({ dialect, label: "k" }, "m"), ...own }
}
const tool = (name: string, own: Partial<FunctionTool> = {}): FunctionTool => ({
  type: "function",
  name,
  namespace: null,
  ...own,
})
const hosted: RawTool = {
  type: "raw",
  dialect: "messages",
  vendorType: "web_search_1",
  runs: "provider",
  name: "web_search",
  raw: {},
}
const asked = (tools: readonly Tool[], own: Partial<Request> = {}): Request => ({
  ...emptyRequest("messages", "g"),
  tools,
  ...own,
})

describe("tools", () => {
  test("of a vendor stay at home", () => {
    const shell: RawTool = { ...hosted, vendorType: "bash_1", runs: "client" }
    const request = asked([hosted, tool("a"), shell])
    expect(arrangeTools(request, facts("messages")).tools).toEqual([hosted, tool("a"), shell])
    const away = arrangeTools(request, facts("chat"))
    expect(away.tools).toEqual([tool("a")])
    expect(away.losses).toEqual([
      { code: "tool-hosted", path: "tools[0]" },
      { code: "tool-client", path: "tools[2]" },
    ])
  })

  test("on demand are declared at once abroad, and their placeholder goes", () => {
    const extra = { dialect: "messages", fields: { input_examples: [] } } as const
    const request = asked([tool("a", { deferred: true, extra }), tool("DeferredToolPlaceholder")])
    expect(arrangeTools(request, facts("messages")).tools).toEqual(request.tools)
    const away = arrangeTools(request, facts("responses"))
    expect(away.tools).toEqual([tool("a")])
    expect(away.losses.map((loss) => loss.code)).toEqual(["block-field", "tool-deferred"])
  })

  test("declared inside the conversation are written once", () => {
    const request = { ...asked([tool("a", { inline: true })]), dialect: "responses" } as const
    expect(arrangeTools(request, facts("responses")).tools).toEqual([])
    expect(arrangeTools(request, facts("chat"))).toEqual({ tools: [tool("a")], losses: [] })
  })

  test("that are not allowed stay out of reach abroad, also where the choice allows tools of the vendor too", () => {
    const choice = { type: "allowed_tools", mode: "required", tools: [{ type: "web_search" }] }
    const search = tool("tool_search")
    const raw: RawTool = { ...hosted, dialect: "responses", runs: "client", vendorType: "tool_search", as: search }
    const allowed = (tools: readonly FunctionTool[]): Request => ({
      ...asked([raw, tool("a"), tool("b")]),
      dialect: "responses",
      messages: [
        {
          role: "assistant",
          blocks: [{ type: "tool-call", id: "c", name: "a", namespace: null, kind: "function", arguments: "{}" }],
        },
      ],
      toolChoice: { mode: "allowed", need: "required", tools, raw: { dialect: "responses", choice } },
    })
    const home = arrangeTools(allowed([tool("b")]), facts("responses"))
    expect(home.choice).toEqual({ mode: "raw", dialect: "responses", raw: choice })
    expect(home.tools).toHaveLength(3)
    const away = arrangeTools(allowed([search, tool("b")]), facts("messages"))
    expect(away).toEqual({ tools: [search, tool("b")], choice: { mode: "required" }, losses: [] })
    // none is left: what the history called is declared, and may not be called
    expect(arrangeTools(allowed([]), facts("messages"))).toMatchObject({
      tools: [{ name: "a" }],
      choice: { mode: "none" },
    })
    expect(arrangeTools(allowed([]), facts("chat"))).toEqual({
      tools: [],
      losses: [{ code: "tool-choice", path: "toolChoice" }],
    })
  })

  test("declared inside the conversation are chosen like any other", () => {
    const wishes = { toolChoice: { mode: "required" }, parallelToolCalls: false } as const
    const request = { ...asked([tool("a", { inline: true })], wishes), dialect: "responses" } as const
    expect(arrangeTools(request, facts("responses"))).toEqual({
      tools: [],
      choice: wishes.toolChoice,
      parallel: false,
      losses: [],
    })
  })

  test("lose strictness only where it was asked for", () => {
    const request = asked([tool("a", { strict: true }), tool("b", { strict: false })])
    expect(arrangeTools(request, facts("chat", { strictTools: false }))).toEqual({
      tools: [tool("a"), tool("b")],
      losses: [{ code: "tool-strict", path: "tools[0]" }],
    })
  })

  test("that the history calls are declared for Messages, and may not be called", () => {
    const call = { type: "tool-call", id: "1", name: "a", namespace: null, kind: "function", arguments: "{}" } as const
    const request = asked([], { messages: [{ role: "assistant", blocks: [call, { ...call, id: "2" }] }] })
    expect(arrangeTools(request, facts("messages"))).toEqual({
      tools: [tool("a")],
      choice: { mode: "none" },
      losses: [],
    })
    expect(arrangeTools(request, facts("chat"))).toEqual({ tools: [], losses: [] })
  })
})

describe("a choice", () => {
  const ref = (name: string) => ({ name, namespace: null })
  const two = [tool("a"), tool("b")]

  test("among some of the tools leaves only these, but for Responses", () => {
    const request = asked(two, { toolChoice: { mode: "allowed", need: "required", tools: [ref("b")] } })
    expect(arrangeTools(request, facts("messages"))).toEqual({
      tools: [tool("b")],
      choice: { mode: "required" },
      losses: [],
    })
    expect(arrangeTools(request, facts("responses"))).toMatchObject({ tools: two, choice: { mode: "allowed" } })
  })

  test.each([
    ["of a tool", { mode: "tool", tool: ref("a"), kind: "function" }, two, true, []],
    ["of a tool that is gone", { mode: "tool", tool: ref("x"), kind: "function" }, two, false, ["tool-choice"]],
    ["of another vendor's kind", { mode: "raw", dialect: "responses", raw: {} }, two, false, ["tool-choice"]],
    ["of any, without tools", { mode: "required" }, [], false, ["tool-choice"]],
    ["of none, without tools", { mode: "none" }, [], false, []],
    ["of none", { mode: "none" }, two, true, []],
  ] as const)("%s is written as the target takes it", (_name, toolChoice, tools, stays, losses) => {
    const arranged = arrangeTools(asked(tools, { toolChoice }), facts("chat"))
    expect(arranged.choice).toEqual(stays ? toolChoice : undefined)
    expect(arranged.losses.map((loss) => loss.code)).toEqual([...losses])
  })

  test("about parallel calls goes where it can be told, and means nothing without tools", () => {
    const deaf = facts("chat", { parallelToolControl: false })
    expect(arrangeTools(asked(two, { parallelToolCalls: false }), facts("chat")).parallel).toBe(false)
    expect(arrangeTools(asked(two, { parallelToolCalls: false }), deaf).losses).toHaveLength(1)
    expect(arrangeTools(asked(two, { parallelToolCalls: true }), deaf)).toEqual({ tools: two, losses: [] })
    expect(arrangeTools(asked([], { parallelToolCalls: false }), facts("chat"))).toEqual({ tools: [], losses: [] })
  })
})
