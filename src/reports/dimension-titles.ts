/** Names of dimensions for readers, on every surface and in the browser. */
import type { Dimension, NamedDimension } from "./query.ts"

/** In the words of a reader; `Record`, so that none is forgotten. */
export const DIMENSION_TITLES: Readonly<Record<NamedDimension, string>> = {
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

export function dimensionTitle(dimension: Dimension): string {
  if (dimension.startsWith("tag.")) return `Tag ${dimension.slice("tag.".length)}`
  return DIMENSION_TITLES[dimension as NamedDimension]
}
