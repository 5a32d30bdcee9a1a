/**
 * The words in which the configuration schema is written: zod types that also carry what documentation, findings and
 * the generated types need to know about a key.
 */
import { z } from "zod"
import { DURATION, parseDurationMs } from "./duration.ts"

/** What is known about a key beyond its type. */
export interface Facts {
  /** What the key does; one or two sentences, shown in docs, in the JSON Schema and beside the generated type. */
  readonly text: string
  readonly unit?: string
  /** Accepted and validated, but nothing acts on it yet: `check` says so wherever the value is not the default. */
  readonly pending?: true
  /** Like `pending`, for some values of an otherwise active key. */
  readonly pendingValues?: readonly unknown[]
  /** `value`: the whole value is secret. `reference`: only what came in through `${…}` is. `hash`: not to be printed, nothing to mask. None is ever printed. */
  readonly secret?: "value" | "reference" | "hash"
  /** A path, relative to the configuration file; absolute once loaded. */
  readonly path?: true
  /** Completes "expected …" in findings, where the type alone does not say it. */
  readonly expects?: string
  /** TypeScript type once loaded, where a transformation hides it. */
  readonly output?: string
  /** Says that the loader always fills the value in, and from what. */
  readonly resolved?: string
  /** Name of the generated interface. */
  readonly name?: string
  /** Words that may stand in place of the block: each is the value of one of its keys. */
  readonly words?: readonly string[]
  /** What holds between the keys of the block. */
  readonly rules?: readonly Rule[]
}

type Extra = Omit<Facts, "text">
export type Shape = Readonly<Record<string, z.ZodType>>

const FACTS = new WeakMap<z.ZodType, Facts>()

/** Facts that were attached to exactly this schema (not to what it wraps). */
export function factsOf(schema: z.ZodType): Facts | undefined {
  return FACTS.get(schema)
}

/** The same type under another description, for keys that share one. */
export function key(schema: z.ZodType, description: string, extra: Extra = {}): z.ZodType {
  const own = schema.clone()
  FACTS.set(own, { ...FACTS.get(schema), text: description, ...extra })
  return own
}

export function text(description: string, extra: Extra = {}): z.ZodType {
  return key(z.string().min(1), description, { expects: "a text that is not empty", ...extra })
}

/** A text of one line that is copied to rows. */
export function line(description: string): z.ZodType {
  return pattern(/^[^\p{C}\p{Zl}\p{Zp}]{1,256}$/u, "1 to 256 printable characters", description)
}

/** A text in a fixed form. `expects` completes "expected …". */
export function pattern(form: RegExp, expects: string, description: string, extra: Extra = {}): z.ZodType {
  return key(z.string().regex(form, { abort: true }), description, { expects, ...extra })
}

export function integer(
  description: string,
  extra: Extra & { readonly min?: number; readonly max?: number } = {},
): z.ZodType {
  const { min = 0, max = Number.MAX_SAFE_INTEGER, ...rest } = extra
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `from ${min} to ${max}`
  return key(z.int().min(min).max(max), description, { expects: `a whole number, ${range}`, ...rest })
}

export function amount(
  description: string,
  extra: Extra & { readonly min?: number; readonly max?: number } = {},
): z.ZodType {
  const { min = 0, max, ...rest } = extra
  const schema = max === undefined ? z.number().min(min) : z.number().min(min).max(max)
  const range = max === undefined ? `${min} or more` : `from ${min} to ${max}`
  return key(schema, description, { expects: `a number, ${range}`, ...rest })
}

export function flag(description: string, extra: Extra = {}): z.ZodType {
  return key(z.boolean(), description, { expects: "true or false", ...extra })
}

export function choice(values: readonly string[], description: string, extra: Extra = {}): z.ZodType {
  const expects = values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`
  return key(z.enum([...values]), description, { expects, ...extra })
}

/** Written as `500ms`, `30s`, `15m`, `24h` or `31d`; milliseconds once loaded. */
export function duration(description: string, extra: Extra = {}): z.ZodType {
  const expects = "a duration such as 500ms, 30s, 15m, 24h or 31d"
  const schema = z.string().regex(DURATION).transform(parseDurationMs)
  return key(schema, description, { expects, output: "number", unit: "a duration; milliseconds once loaded", ...extra })
}

export function milliseconds(
  description: string,
  extra: Extra & { readonly min?: number; readonly max?: number } = {},
): z.ZodType {
  return integer(description, { unit: "ms", ...extra })
}

/** A mapping with exactly these keys. */
export function block(shape: Shape, description: string, extra: Extra = {}): z.ZodType {
  return key(z.strictObject(shape), description, { expects: "a mapping", ...extra })
}

/** A text in place of the block is the value of its key `name`, which takes `words`. */
export function shorthand(schema: z.ZodType, name: string, words: readonly string[]): z.ZodType {
  const either = z.preprocess((value) => (typeof value === "string" ? { [name]: value } : value), schema)
  FACTS.set(either, { text: "", ...FACTS.get(schema), words })
  return either
}

export function list(item: z.ZodType, description: string, extra: Extra = {}): z.ZodType {
  return key(z.array(item), description, { expects: "a list", ...extra })
}

/** A mapping whose keys the operator chooses. */
export function table(names: z.ZodType, value: z.ZodType, description: string, extra: Extra = {}): z.ZodType {
  return key(z.record(names as z.ZodString, value), description, { expects: "a mapping", ...extra })
}

/** The key may be left out and is then `value`, given as it would be written in the file. */
export function byDefault(schema: z.ZodType, value: unknown): z.ZodType {
  return carry(schema, schema.prefault(value))
}

/** The key may be left out, which is a meaning of its own ("unknown", "none", "inherited"). */
export function optional(schema: z.ZodType): z.ZodType {
  return carry(schema, schema.optional())
}

/** `null` in the file means the same as leaving the key out. */
export function nullByDefault(schema: z.ZodType): z.ZodType {
  return carry(schema, schema.nullable().prefault(null))
}

/** All keys of a shape may be left out. */
export function allOptional(shape: Shape): Shape {
  return Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, optional(schema)]))
}

/** Gives the offending key (empty: the block itself) with the reason, or null. Reads only keys, each by its name. */
export type Rule = (block: Readonly<Record<string, unknown>>) => Fault | null

/** Additional rules over a block, each of its own. */
export function withRules(schema: z.ZodType, ...rules: readonly Rule[]): z.ZodType {
  const stricter = rules.reduce<z.ZodType>(
    (before, rule) => withCheck(before, (value) => rule(value as Values)),
    schema,
  )
  FACTS.set(stricter, { text: "", ...FACTS.get(schema), rules })
  return stricter
}

type Values = Readonly<Record<string, unknown>>

/** An additional rule over a single value. */
export function withCheck(schema: z.ZodType, rule: (value: unknown) => Fault | null): z.ZodType {
  const stricter = schema.superRefine((value, context) => {
    const fault = rule(value)
    if (fault !== null) context.addIssue({ code: "custom", path: [...fault.path], message: fault.message })
  })
  return carry(schema, stricter)
}

export interface Fault {
  readonly path: readonly (string | number)[]
  /** A sentence for the operator. Never holds a value of the file. */
  readonly message: string
}

function carry(from: z.ZodType, to: z.ZodType): z.ZodType {
  const facts = FACTS.get(from)
  if (facts !== undefined) FACTS.set(to, facts)
  return to
}
