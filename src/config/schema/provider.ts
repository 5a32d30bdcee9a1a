/** `providers:` — one API shape of one upstream per entry, with its key, its quirks and its catalogue. */
import type { z } from "zod"
import type { DialectName } from "../../dialects/name.ts"
import { WIRES } from "../../dialects/wires.ts"
import { accepts, request } from "./accepts.ts"
import { betaHeaders } from "./betas.ts"
import {
  block,
  byDefault,
  choice,
  integer,
  key,
  list,
  milliseconds,
  optional,
  pattern,
  withRules,
  table,
  text,
  type Fault,
  type Shape,
} from "./field.ts"
import { dialect, headerName, headerValue, httpUrl, identifier, proxyUrl } from "./forms.ts"
import { providerShaping } from "./limits.ts"
import { model } from "./model.ts"
import { providerTimeouts } from "./timeouts.ts"
import { tlsFiles } from "./tls.ts"

const SECRET = { secret: "value" } as const
const apiKey: z.ZodType = pattern(
  /^[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*$/,
  "a key that is not empty, without line breaks or control characters",
  "The provider's key. Absent: no authorisation header is sent at all.",
  SECRET,
)
const MAY_HOLD_SECRET = { secret: "reference" } as const

/** Headers that the router writes itself, or that would break the message framing. */
const OWN_HEADERS = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "content-type",
  "host",
  "keep-alive",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
])
/** A client's credentials and network traces never go upstream. */
const NEVER_FORWARDED =
  /^(authorization|proxy-authorization|x-api-key|cookie|host|forwarded|x-forwarded-.*|x-real-ip|x-codex-turn-metadata)$/i

const engineMetrics: z.ZodType = block(
  {
    engine: choice(["vllm", "sglang"], "Whose metric names are read."),
    url: optional(key(httpUrl, "Where the metrics are. Absent: `/metrics` at the host of `base_url`.")),
    interval_ms: byDefault(milliseconds("Pause between two readings.", { min: 100, max: 600_000 }), 2000),
    timeout_ms: byDefault(milliseconds("Time for one reading.", { min: 10, max: 60_000 }), 1000),
    max_response_bytes: byDefault(integer("A longer answer is not read.", { min: 1, unit: "bytes" }), 4_194_304),
  },
  "The metrics of a private engine, so that `dynamic_score` knows how busy it is. Neither key nor headers are sent there.",
  { name: "EngineMetrics" },
)

const shape: Shape = {
  base_url: key(httpUrl, "Where the API is. For `anthropic` with or without a trailing /v1."),
  dialect: key(dialect, "The API that this entry speaks. An upstream with several APIs has several entries."),
  api_key: optional(apiKey),
  api_key_env: optional(
    pattern(
      /^[A-Za-z_][A-Za-z0-9_]*$/,
      "the name of an environment variable",
      "Another way to write `api_key: ${NAME}`.",
    ),
  ),
  auth_scheme: optional(
    pattern(
      /^(bearer|x-api-key|none|header:[A-Za-z0-9!#$%&'*+.^_`|~-]+)$/,
      "one of bearer, x-api-key, none, header:<name>",
      "How the key is sent.",
      { resolved: "`x-api-key` for `anthropic`, else `bearer`" },
    ),
  ),
  key_id: optional(key(identifier, "A label of the key that may appear in logs and policies.")),
  headers: byDefault(
    table(
      headerName,
      key(headerValue, "A header value.", MAY_HOLD_SECRET),
      "Headers that are added to every call.",
      MAY_HOLD_SECRET,
    ),
    {},
  ),
  query: byDefault(
    table(
      identifier,
      key(text("A value."), "A value.", MAY_HOLD_SECRET),
      "Parameters that are added to every upstream URL.",
      MAY_HOLD_SECRET,
    ),
    {},
  ),
  proxy: optional(key(proxyUrl, "An egress proxy. May hold user and password.", SECRET)),
  tls: optional(tlsFiles("the provider's", "ProviderTls")),
  forward_headers: byDefault(list(headerName, "Further client headers that may go upstream."), []),
  beta_headers: optional(betaHeaders),
  engine: optional(
    choice(
      ["vllm", "sglang", "llama.cpp", "ollama", "lm-studio", "other"],
      "The server behind `base_url`, which tells what it takes. Absent: that of `engine_metrics`, else the host tells.",
    ),
  ),
  accepts: optional(accepts),
  request: optional(request),
  ...providerTimeouts,
  traffic_shape: providerShaping,
  engine_metrics: optional(engineMetrics),
  models: byDefault(
    table(identifier, model, "The catalogue: facts about models, by a name that targets use as `model_ref`."),
    {},
  ),
}

const ENDPOINT = /\/(?:chat\/completions|completions|responses|messages|models|embeddings)\/*$/i

/** The address of an endpoint is what people have at hand to paste. */
function addressFault(url: string): Fault | null {
  if (url.includes("?"))
    return { path: ["base_url"], message: "Parameters do not belong into base_url: write them under `query`." }
  const [end] = ENDPOINT.exec(url) ?? []
  if (end === undefined) return null
  return {
    path: ["base_url"],
    message: `This is the address of an endpoint: leave out ${JSON.stringify(end)}, so that it ends with the API's root.`,
  }
}

export const provider: z.ZodType = withRules(
  block(shape, "One API shape of one upstream.", { name: "ProviderConfig" }),
  ({ dialect: spoken, beta_headers }) =>
    beta_headers !== undefined && WIRES[spoken as DialectName].betaHeader === null
      ? { path: ["beta_headers"], message: "Only the `anthropic` dialect has betas; others never get any." }
      : null,
  ({ headers }) => {
    const written = Object.keys(headers as Readonly<Record<string, string>>).find((name) =>
      OWN_HEADERS.has(name.toLowerCase()),
    )
    return written === undefined
      ? null
      : { path: ["headers", written], message: "The router writes this header itself." }
  },
  ({ base_url }) => addressFault(String(base_url)),
  ({ forward_headers }) => {
    const names = forward_headers as readonly string[]
    const index = names.findIndex((name) => NEVER_FORWARDED.test(name) || OWN_HEADERS.has(name.toLowerCase()))
    return index < 0 ? null : { path: ["forward_headers", index], message: "This client header is never forwarded." }
  },
)
