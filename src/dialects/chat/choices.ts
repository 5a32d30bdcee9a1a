/** The choices of an answer: several where several were asked for, or where a server splits one answer. */

import type { Block } from "../../canonical/block.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { Stop } from "../../canonical/stop.ts"
import { isAbsent, listOf, numberOf, objectOf, wordsOf } from "./wire.ts"

/** By number; some servers leave the number out, or give one to all. */
export function choicesOf(body: JsonObject): readonly JsonObject[] {
  const choices = listOf(body["choices"]).filter(isObject)
  return choices.toSorted((left, right) => (numberOf(left["index"]) ?? 0) - (numberOf(right["index"]) ?? 0))
}

/** A choice that thought, and then said nothing, may lack its message (Gemini through gateways). */
export function isAnswer(choice: JsonObject): boolean {
  return messageOf(choice) !== undefined || wordsOf(choice["finish_reason"]) !== undefined
}

export function messageOf(choice: JsonObject): JsonObject | undefined {
  return objectOf(choice["message"]) ?? objectOf(choice["delta"])
}

/** OpenRouter puts an error into the choice that it broke off. */
export function choiceError(choice: JsonObject | undefined): JsonValue | undefined {
  const error = choice?.["error"]
  if (!isAbsent(error)) return error
  return choice?.["finish_reason"] === "error" ? { message: "The upstream broke off its answer." } : undefined
}

/**
 * One answer in several choices that nobody asked for (GitHub Copilot): the words of the first that has some, the thinking
 * of the first that thought, and every call. Further words are another answer.
 */
export function joinChoices(choices: readonly (readonly Block[])[], losses: Losses): readonly Block[] {
  const [only, ...others] = choices
  if (only === undefined || others.length === 0) return only ?? []
  const kinds = choices.map((blocks) => ({
    thinking: blocks.filter(({ type }) => type === "reasoning"),
    calls: blocks.filter(({ type }) => type === "tool-call"),
    words: blocks.filter(({ type }) => type !== "reasoning" && type !== "tool-call"),
  }))
  const firstOf = (kind: "thinking" | "words"): readonly Block[] => {
    const [first, ...more] = kinds.map((one) => one[kind]).filter(({ length }) => length > 0)
    if (more.length > 0) losses.add("reply-choices", "choices")
    return first ?? []
  }
  return [...firstOf("thinking"), ...firstOf("words"), ...kinds.flatMap(({ calls }) => calls)]
}

/** Of several stops the one that cut the answer off counts, else the first. */
export function decisiveStop(stops: readonly (Stop | null)[]): Stop | null {
  const said = stops.filter((stop) => stop !== null)
  return said.find(({ is }) => is !== "end" && is !== "tool-calls") ?? said[0] ?? null
}
