/**
 * What the paths, headers and members of a dialect are called, as plain data. The configuration reads it without loading
 * a codec, and code outside the dialects' folders asks it instead of comparing names.
 */
import type { Dialect as Origin } from "../canonical/origin.ts"
import type { DialectName } from "./name.ts"

export interface WireFacts {
  /** Its name in the neutral conversation, and in what the router has sealed. */
  readonly origin: Origin
  /** As configurations name it: `supported_api_shapes`, and the keys of `tool_support`. */
  readonly apiShape: "openai_chat" | "openai_responses" | "anthropic_messages"

  /** Paths of the router that serve its calls. */
  readonly paths: readonly string[]
  /** Paths of the router that count the tokens of a request; empty: the dialect has no such endpoint. */
  readonly countPaths: readonly string[]
  /** Requests for these paths get errors in its shape. Null: those that no other dialect claims. */
  readonly claims: RegExp | null

  /** What an upstream's address begins with below the host, whether or not `base_url` ends in it; else `""`. */
  readonly root: "" | "/v1"
  /** Path of the endpoint that serves calls, behind the root. */
  readonly endpoint: string
  /** Path below the endpoint that counts tokens; null: there is none. */
  readonly countEndpoint: string | null
  /** Query of a request for all models, where a vendor's first page is shorter; null: none is needed. */
  readonly listQuery: string | null

  /** How providers take their key, where the configuration says nothing: as `auth_scheme` would say it. */
  readonly authScheme: string
  /** Headers of a client that go to upstreams of the same dialect. */
  readonly forwardedHeaders: readonly string[]
  /** The header that every request needs, and its value where nobody gives one; null: none. */
  readonly versionHeader: { readonly name: string; readonly oldest: string } | null
  /** Names what a client may use before it is released; `?beta=true` goes with it. Null: the dialect has no betas. */
  readonly betaHeader: string | null
  /** A further header of answers with the id of the request; null: only `x-request-id`. */
  readonly requestIdHeader: string | null
  /** Codex CLI speaks it. It sleeps as long as Retry-After says. */
  readonly isOfCodex: boolean

  /** Member of a body that names the model. */
  readonly modelMember: string
  /** Member of a body that holds the conversation. */
  readonly conversationMember: string
  /** Member of a body by which a client groups calls for the provider's cache; null: there is none. */
  readonly cacheKeyMember: string | null
  /** Requests mark what providers are to keep in their cache, and writing it is billed. */
  readonly marksCache: boolean
  /** Member that, when true, lets an answer be made in the background; null: there is none. */
  readonly backgroundMember: string | null
  /** Member that, when false, keeps providers from storing an answer; null: there is none. */
  readonly storeMember: string | null
  /** Members that say something about reasoning; the first that a body has counts. */
  readonly reasoningMembers: readonly string[]
  /** Members that switch on tools of the provider without declaring one. */
  readonly hostedMembers: readonly string[]
  /** Type of the last item of a conversation that asks for its compaction; null: there is none. */
  readonly compactionTrigger: string | null

  /** Member for the output cap, by its newest name. */
  readonly capMember: string
  /** Servers differ in the name of the output cap, so the facts of a target have it. */
  readonly capVaries: boolean
  /** An output cap of 0 is one; else it may mean that there is none. */
  readonly capsAtZero: boolean
  /** A request may ask for several answers. */
  readonly hasChoices: boolean

  /** A stream reports its usage only when the request asks for that. */
  readonly asksForUsage: boolean
  /** A stream begins with the usage of its input. */
  readonly opensWithUsage: boolean
  /** Events of a stream carry their type as a name. */
  readonly namesEvents: boolean
  /** An answer repeats its request, but for the conversation. */
  readonly repeatsRequest: boolean

  readonly toolSupport: ToolWords
  /** Settings of the bridge that clients of the other dialect cross; null: no bridge has settings. */
  readonly bridge: Bridge | null
}

/** Words by which configurations and callers speak of tools that the client executes. */
export interface ToolWords {
  /** Of `tool_support`: the model takes such tools. */
  readonly tools: string
  /** Of `tool_support`: the model takes a choice among them. */
  readonly choice: string
  /** A list of `tool_support` without `structured_outputs` denies them. Else only an empty one does. */
  readonly isComplete: boolean
  /** In `details.requirements` of a refusal. */
  readonly requirement: string
}

export interface Bridge {
  readonly from: DialectName
  readonly key: "chat_to_responses" | "responses_to_chat"
}
