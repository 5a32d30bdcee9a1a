/** The document of the API (OpenAPI 3.1), made from the operations that are served. */
import { CATALOGUE, type ErrorCode } from "../../error-catalogue.ts"
import type { Operation } from "./operation.ts"
import type { JsonSchema, Parameter } from "./parameter.ts"
import { ERROR_SCHEMA } from "./schemas.ts"

const REFUSALS: readonly ErrorCode[] = [
  "invalid-report-filter",
  "unauthorized",
  "reports-forbidden",
  "not-found",
  "sign-in-limited",
  "report-query-failed",
  "reports-disabled",
]

const OF_CONTENT: readonly ErrorCode[] = [
  "content-forbidden",
  "content-held",
  "content-unreadable",
  "usage-store-unavailable",
]

export function openApiDocument(operations: readonly Operation[], prefix: string, version: string): JsonSchema {
  return {
    openapi: "3.1.0",
    info: { title: "smart-router reports", version, description: "Reports of the usage database for administrators." },
    servers: [{ url: prefix }],
    security: [{ session: [] }, { password: [] }],
    paths: Object.fromEntries(
      [...Map.groupBy(operations, ({ path }) => path)].map(([path, all]) => [
        path,
        Object.fromEntries(all.map((operation) => [(operation.method ?? "GET").toLowerCase(), operationOf(operation)])),
      ]),
    ),
    components: {
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: "smart_router_admin_session" },
        password: { type: "http", scheme: "basic" },
      },
      schemas: { Error: ERROR_SCHEMA },
    },
  }
}

function operationOf({ id, summary, permission, parameters, answers }: Operation): JsonSchema {
  const { object, action } = permission
  const codes = object === "content:capture" ? [...REFUSALS, ...OF_CONTENT] : REFUSALS
  const content = "schema" in answers ? { schema: answers.schema } : { schema: { type: "string" } }
  return {
    operationId: id,
    summary,
    "x-permission": `${object}:${action}`,
    parameters: parameters.map(parameterOf),
    responses: { "200": { description: summary, content: { [answers.type]: content } }, ...refusals(codes) },
  }
}

function parameterOf({ name, place, about, schema, example, repeats, isRequired }: Parameter): JsonSchema {
  const one = { name, in: place, description: about, required: place === "path" || isRequired === true }
  const form = repeats === undefined ? schema : { type: "array", items: schema }
  return { ...one, schema: form, ...(example === "" ? {} : { example: repeats === undefined ? example : [example] }) }
}

/** One entry for each status; several codes may share it. */
function refusals(all: readonly ErrorCode[]): JsonSchema {
  const statuses = [...new Set(all.map((code) => CATALOGUE[code].status))]
  return Object.fromEntries(
    statuses.map((status) => {
      const codes = all.filter((code) => CATALOGUE[code].status === status)
      const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } }
      return [String(status), { description: codes.join(", "), content }]
    }),
  )
}
