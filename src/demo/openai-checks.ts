import type { DemoFormat, DemoTool, DemoToolChoice } from "./exchange.ts"
import { VendorError } from "./vendor-error.ts"
import { isRecord, showValue, type WireObject as Body } from "./wire-value.ts"

/** Checks that OpenAI's two APIs share, with refusals in that vendor's words. */

export function missingError(param: string): VendorError {
  const message = `Missing required parameter: '${param}'.`
  return new VendorError({ status: 400, message, code: "missing_required_parameter", param })
}

export function wrongType(param: string, expected: string): VendorError {
  const message = `Invalid type for '${param}': expected ${expected}.`
  return new VendorError({ status: 400, message, code: "invalid_type", param })
}

export function invalidValue(param: string, message: string): VendorError {
  return new VendorError({ status: 400, message, code: "invalid_value", param })
}

/** The model's name; only the demo's own models exist. */
export function modelOf(body: Body, models: ReadonlySet<string>): string {
  const model = body["model"]
  if (model === undefined) {
    throw new VendorError({ status: 400, message: "you must provide a model parameter" })
  }
  if (typeof model !== "string") throw wrongType("model", "a string")
  if (models.has(model)) return model
  const message = `The model \`${model}\` does not exist or you do not have access to it.`
  throw new VendorError({ status: 404, message, code: "model_not_found", param: "model" })
}

export function streamOf(body: Body): boolean {
  const stream = body["stream"] ?? false
  if (typeof stream !== "boolean") throw wrongType("stream", "a boolean")
  if (!stream && body["stream_options"] !== undefined && body["stream_options"] !== null) {
    throw invalidValue("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
  }
  return stream
}

export function integerOf(body: Body, param: string, least: number, most: number = Infinity): number | null {
  const value = body[param] ?? null
  if (value === null) return null
  if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrongType(param, "an integer")
  if (value < least) {
    const message = `Invalid '${param}': integer below minimum value. Expected a value >= ${least}, but got ${value} instead.`
    throw new VendorError({ status: 400, message, code: "integer_below_min_value", param })
  }
  if (value > most) {
    const message = `Invalid '${param}': integer above maximum value. Expected a value <= ${most}, but got ${value} instead.`
    throw new VendorError({ status: 400, message, code: "integer_above_max_value", param })
  }
  return value
}

export function checkNumber(body: Body, param: string, least: number, most: number): void {
  const value = body[param] ?? null
  if (value === null) return
  if (typeof value !== "number") throw wrongType(param, "a number")
  if (value >= least && value <= most) return
  const side = value < least ? ["below minimum", ">=", least] : ["above maximum", "<=", most]
  const message = `Invalid '${param}': decimal ${side[0]} value. Expected a value ${side[1]} ${side[2]}, but got ${value} instead.`
  throw new VendorError({
    status: 400,
    message,
    code: `decimal_${value < least ? "below_min" : "above_max"}_value`,
    param,
  })
}

export function arrayOf(value: unknown, param: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw wrongType(param, "an array")
  return value
}

export function toolOf(definition: Body, kind: DemoTool["kind"], param: string): DemoTool {
  const name = definition["name"]
  if (typeof name !== "string") throw missingError(`${param}.name`)
  if (!/^[\w-]{1,64}$/u.test(name)) {
    throw invalidValue(`${param}.name`, `Invalid '${param}.name': string does not match pattern '^[a-zA-Z0-9_-]+$'.`)
  }
  const schema = definition["parameters"] ?? {}
  if (!isRecord(schema)) throw wrongType(`${param}.parameters`, "an object")
  return { name, kind, schema }
}

/** `nameOf` finds the name in a forced choice, whose shape differs between the two APIs. */
export function toolChoiceOf(
  body: Body,
  tools: readonly DemoTool[],
  nameOf: (choice: Body) => unknown,
): DemoToolChoice {
  const choice = body["tool_choice"]
  if (choice === undefined || choice === null || choice === "auto") return { is: "auto" }
  if (choice === "none") return { is: "none" }
  if (arrayOf(body["tools"], "tools").length === 0) {
    throw invalidValue(
      "tool_choice",
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    )
  }
  if (choice === "required") return { is: "any" }
  if (!isRecord(choice))
    throw invalidValue(
      "tool_choice",
      `Invalid value: '${showValue(choice)}'. Supported values are: 'none', 'auto', and 'required'.`,
    )
  if (choice["type"] === "allowed_tools") return choice["mode"] === "required" ? { is: "any" } : { is: "auto" }
  const name = nameOf(choice)
  if (typeof name !== "string") throw missingError("tool_choice.name")
  if (tools.some((tool) => tool.name === name)) return { is: "named", name }
  throw invalidValue(
    "tool_choice",
    `Invalid value for 'tool_choice': no tool named '${name}' was specified in the 'tools' parameter.`,
  )
}

/** `format` is the object that carries `type`, and `schema` where that type is `json_schema`. */
export function formatOf(format: unknown, schemaOf: (format: Body) => unknown, param: string): DemoFormat {
  if (format === undefined || format === null) return { is: "text" }
  if (!isRecord(format)) throw wrongType(param, "an object")
  switch (format["type"]) {
    case "text":
      return { is: "text" }
    case "json_object":
      return { is: "json", schema: null }
    case "json_schema": {
      const schema = schemaOf(format)
      if (!isRecord(schema)) throw missingError(`${param}.schema`)
      return { is: "json", schema }
    }
    default:
      throw invalidValue(
        `${param}.type`,
        `Invalid value: '${showValue(format["type"])}'. Supported values are: 'json_object', 'json_schema', and 'text'.`,
      )
  }
}
