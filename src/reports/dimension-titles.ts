/** Names of dimensions for readers, on every surface and in the browser. */
import type { Dimension } from "./query.ts"

export const DIMENSION_TITLES: Readonly<Record<Dimension, string>> = {
  caller: "Caller",
  token: "Token",
  user: "User",
  project: "Project",
  environment: "Environment",
  group: "Group",
  requested_model: "Requested model",
  provider: "Provider",
  model: "Model",
  target_dialect: "Target dialect",
  client_dialect: "Client dialect",
  client: "Client",
  status: "Status",
  status_class: "Status class",
  error: "Error",
  blame: "Blame",
  stream: "Streaming",
  cache: "Cache",
  usage_source: "Usage source",
  strategy: "Strategy",
  cost_unknown: "Reason of unknown cost",
}
