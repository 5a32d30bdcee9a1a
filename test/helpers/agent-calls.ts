/** What each client asks for when it is set up as docs/clients.md says, as seen from the programs themselves. */

export interface AgentCall {
  readonly dialect: "chat" | "responses" | "messages"
  /** Path and query of its calls. */
  readonly target: string
  /** Where it puts the token. */
  readonly header: "authorization" | "x-api-key"
  /** The base URL, as the snippet has it, and what the client adds to it. */
  readonly added: string
}

const chat: AgentCall = {
  dialect: "chat",
  target: "/v1/chat/completions",
  header: "authorization",
  added: "/chat/completions",
}
const responses: AgentCall = {
  dialect: "responses",
  target: "/v1/responses",
  header: "authorization",
  added: "/responses",
}
const messages: AgentCall = { dialect: "messages", target: "/v1/messages", header: "x-api-key", added: "/v1/messages" }

export const AGENT_CALLS: Readonly<Record<string, AgentCall>> = {
  "Codex CLI": responses,
  "Claude Code": {
    ...messages,
    target: "/v1/messages?beta=true",
    header: "authorization",
    added: "/v1/messages?beta=true",
  },
  "opencode in Chat": chat,
  "opencode in Responses": responses,
  "opencode in Messages": { ...messages, added: "/messages" },
  "pi in Chat": chat,
  "pi in Responses": responses,
  "pi in Messages": messages,
  "Copilot in Chat": chat,
  "Copilot in Responses": responses,
  "Copilot in Messages": messages,
  "Qwen Code": chat,
  "Continue in Chat": chat,
  "Continue in Messages": { ...messages, added: "/messages" },
  "Cline in Chat": chat,
  "Cline in Responses": responses,
}

/** What Codex asks for first: `model_catalog_url` with this behind it. */
export const CODEX_CATALOGUE_QUERY = "?client_version=0.169.0"
