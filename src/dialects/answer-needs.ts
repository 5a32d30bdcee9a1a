/** What an answer needs of its request, and how that crosses into another thread: as one text. */
import { calledIds } from "../canonical/call-ids.ts"
import { parseExact, type JsonObject } from "../canonical/json.ts"
import { nameTable, type NameParts } from "../canonical/name-map.ts"
import { issuerFrom, plainIssuer, type PlainIssuer } from "../canonical/origin.ts"
import type { Message } from "../canonical/request.ts"
import type { Tool } from "../canonical/tool.ts"
import { RouterError } from "../errors.ts"
import type { AskedRequest, Mint, ReplyContext, ReplyOptions } from "./codec.ts"
import { WIRES_BY_ORIGIN } from "./wires.ts"

export interface AnswerNeeds {
  /**
   * Null: the answer is what the target says. Else it is a summary, which is sealed: as an item of a response where `kept` is
   * null, else in the vendor's object behind what it keeps, the user's messages.
   */
  readonly compaction: { readonly kept: readonly JsonObject[] | null } | null
  readonly context: ReplyContext
  readonly options: ReplyOptions
}

/** What cannot cross. */
export interface Means {
  readonly mint: Mint
  /** Unix seconds. */
  readonly now: () => number
}

/** A hundred times what agents have of tools, instructions and ids of calls. Reading it takes some milliseconds. */
const LONGEST = 1 << 20

interface Parts {
  readonly compaction: AnswerNeeds["compaction"]
  readonly names: NameParts
  readonly issuer: PlainIssuer
  readonly severalChoices: boolean
  readonly request: Omit<AskedRequest, "messages">
  readonly ids: readonly string[]
  readonly clientBody: JsonObject
  readonly model: string | null
  readonly estimatedUsage: ReplyOptions["estimatedUsage"]
}

/** @throws RouterError `invalid-request` where tools, instructions and ids of calls are too long together */
export function packNeeds({ compaction, context, options }: AnswerNeeds): string {
  const { request } = options
  const { dialect, model, includeUsage, reasoning, cap } = request
  const parts: Parts = {
    compaction,
    names: context.names.parts(),
    issuer: plainIssuer(context.issuer),
    severalChoices: context.severalChoices === true,
    request: {
      dialect,
      model,
      includeUsage,
      tools: request.tools.flatMap(outline),
      ...(reasoning?.summary === undefined ? {} : { reasoning: { summary: reasoning.summary } }),
      ...(cap === undefined ? {} : { cap }),
    },
    ids: calledIds(request),
    clientBody: shownOf(options.clientBody, request),
    model: options.model,
    estimatedUsage: options.estimatedUsage,
  }
  const text = JSON.stringify(parts)
  if (text.length > LONGEST) throw new RouterError("invalid-request", { message: TOO_LONG })
  return text
}

const TOO_LONG = `The request cannot be translated: its tools, its instructions and the ids of its tool calls are longer than ${LONGEST} characters together.`

/** `text` comes from `packed`. */
export function unpackNeeds(text: string, { mint, now }: Means): AnswerNeeds {
  const { names, issuer, severalChoices, request, ids, compaction, ...others } = parseExact(text) as unknown as Parts
  return {
    compaction,
    context: {
      names: nameTable(names),
      issuer: issuerFrom(issuer),
      mint,
      ...(severalChoices ? { severalChoices } : {}),
    },
    options: { ...others, request: { ...request, messages: [callsOf(ids)] }, mint, now },
  }
}

/** Answers look for tools of a vendor that stand for a function, by its name. */
function outline(tool: Tool): readonly Tool[] {
  if (tool.type !== "raw" || tool.as === undefined) return []
  const { name, namespace } = tool.as
  return [{ ...tool, raw: {}, as: { type: "function", name, namespace } }]
}

function callsOf(ids: readonly string[]): Message {
  const blocks = ids.map((id) => ({
    type: "tool-call",
    id,
    name: "",
    namespace: null,
    kind: "function",
    arguments: "",
  }))
  return { role: "assistant", blocks: blocks as Message["blocks"] }
}

/** Some dialects repeat all but the conversation; of Chat it counts under which name the tools stand. */
function shownOf(clientBody: JsonObject, { dialect }: AskedRequest): JsonObject {
  const { repeatsRequest, conversationMember } = WIRES_BY_ORIGIN[dialect]
  if (repeatsRequest) return { ...clientBody, [conversationMember]: undefined }
  const names = ["tools", "functions"].filter((name) => Array.isArray(clientBody[name]))
  return Object.fromEntries(names.map((name) => [name, []]))
}
