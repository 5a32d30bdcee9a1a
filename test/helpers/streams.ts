/** A second, deliberately plain reading of event streams, to judge the router's by. */
import type { Dialect } from "./samples.ts"

export interface Frame {
  /** The frame's bytes as text, with the blank line that ends it. */
  readonly text: string
  readonly event: string | undefined
  readonly data: string | undefined
}

/** Whole frames of a stream; what follows the last blank line is left out. */
export function framesOf(stream: string): Frame[] {
  return (stream.match(/[\s\S]*?(?:\r\n\r\n|\n\n|\r\r)/gu) ?? []).map((text) => ({
    text,
    event: fieldOf(text, "event"),
    data: fieldOf(text, "data"),
  }))
}

function fieldOf(frame: string, name: string): string | undefined {
  const lines = frame.split(/\r\n|\n|\r/u).filter((line) => line.startsWith(`${name}:`))
  return lines.length === 0 ? undefined : lines.map((line) => line.slice(name.length + 1).replace(/^ /u, "")).join("\n")
}

/** The JSON of a frame's data; undefined for `[DONE]`, comments and what is no JSON. */
export function jsonOf(frame: Frame): unknown {
  try {
    return frame.data === undefined ? undefined : (JSON.parse(frame.data) as unknown)
  } catch {
    return undefined
  }
}

/** Reads a path inside parsed JSON; undefined where there is nothing. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value)
}

function isRecord(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === "object" && value !== null
}

const TERMINAL_TYPES: Readonly<Record<Dialect, ReadonlySet<unknown>>> = {
  chat: new Set(),
  responses: new Set(["response.completed", "response.incomplete", "response.failed", "error"]),
  messages: new Set(["message_stop", "error"]),
}

/** Every frame that ends a stream in the dialect, by a short name: `done`, `error`, or the event's type. */
export function terminalsOf(dialect: Dialect, stream: string): string[] {
  return framesOf(stream).flatMap((frame) => {
    if (frame.data?.trim() === "[DONE]") return dialect === "chat" ? ["done"] : []
    const json = jsonOf(frame)
    const type = at(json, "type")
    if (dialect === "chat") return at(json, "error") === undefined || at(json, "choices") !== undefined ? [] : ["error"]
    return TERMINAL_TYPES[dialect].has(type) ? [String(type)] : []
  })
}

/** What a stream that the router breaks off must end with. */
export const FAILURE_TERMINAL: Readonly<Record<Dialect, string>> = {
  chat: "error",
  responses: "response.failed",
  messages: "error",
}

/** What a finished stream ends with. */
export const SUCCESS_TERMINAL: Readonly<Record<Dialect, string>> = {
  chat: "done",
  responses: "response.completed",
  messages: "message_stop",
}
