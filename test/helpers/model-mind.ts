/** What a well-behaved model does with the questions of checks: it repeats words, calls tools, names colours and counts. */
import { inflateSync } from "node:zlib"
import type { Block } from "../../src/canonical/block.ts"
import type { Message, Request } from "../../src/canonical/request.ts"

/** What a model makes of a request: texts and calls, before any cap. */
export interface Thought {
  readonly text: string
  readonly calls: readonly { readonly name: string; readonly args: Readonly<Record<string, unknown>> }[]
}

const COLOURS: Readonly<Record<string, string>> = {
  "220,20,20": "red",
  "20,150,40": "green",
  "20,40,220": "blue",
  "250,220,20": "yellow",
  "0,0,0": "black",
  "255,255,255": "white",
}

const DEFAULT_READING = { station: "Aldersea", level: 12, urgent: false }

export async function think(request: Request): Promise<Thought> {
  const last = request.messages.at(-1)
  const asked = last === undefined ? "" : textIn(last.blocks)
  const result = last?.blocks.find((block) => block.type === "tool-result")
  if (result?.type === "tool-result") return saying(await aboutResult(result.content, request))
  const calls = callsFor(request, asked)
  if (calls.length > 0) return { text: "", calls }
  if (request.output?.kind === "schema") return saying(recordFrom(asked))
  const image = last?.blocks.find((block) => block.type === "image")
  if (image !== undefined) return saying(await coloursOf(image))
  const page = last?.blocks.find((block) => block.type === "document")
  if (page !== undefined) return saying(wordOf(page))
  return saying(answerTo(request, asked))
}

const saying = (text: string): Thought => ({ text, calls: [] })

/** Text is counted in words, and in pieces of four characters of longer ones. */
export function tokensIn(text: string): number {
  return piecesOf(text).length
}

/** The first so many tokens. */
export function cutTo(text: string, tokens: number): string {
  return piecesOf(text).slice(0, tokens).join("")
}

function piecesOf(text: string): readonly string[] {
  return text.match(/\s*\S{1,4}/g) ?? []
}

export function textIn(blocks: readonly Block[]): string {
  return blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("\n")
}

function callsFor({ tools, toolChoice, messages }: Request, asked: string): Thought["calls"] {
  const [tool] = tools
  if (tool === undefined || tool.type === "raw" || toolChoice?.mode === "none") return []
  if (!asked.includes(tool.name)) {
    const isForced = toolChoice?.mode === "tool" || toolChoice?.mode === "required"
    return isForced && messages.length > 0 ? [{ name: tool.name, args: DEFAULT_READING }] : []
  }
  return [...asked.matchAll(/station "(\w+)", level (\d+),(?: and)? urgent (true|false)/g)].map(
    ([, station, level, urgent]) => ({
      name: tool.name,
      args: { station, level: Number(level), urgent: urgent === "true" },
    }),
  )
}

async function aboutResult(content: readonly Block[], { messages }: Request): Promise<string> {
  const image = content.find((block) => block.type === "image")
  if (image !== undefined) return coloursOf(image)
  const receipt = /receipt is (\w+)/.exec(textIn(content))?.[1]
  return receipt ?? `nothing, after ${messages.length} messages`
}

function recordFrom(asked: string): string {
  const [, label, amount, kind] = /label is (\w+), the amount is (\d+), the kind is (\w+)/.exec(asked) ?? []
  return JSON.stringify({ label, amount: Number(amount), kind })
}

async function coloursOf(block: Extract<Block, { readonly type: "image" }>): Promise<string> {
  const { source } = block
  if (source.kind === "base64") return squaresIn(Buffer.from(source.data, "base64"))
  if (source.kind === "url") return squaresIn(Buffer.from(await (await fetch(source.url)).arrayBuffer()))
  return "no picture"
}

/** Of an unfiltered RGB picture: the middle of each quarter. */
function squaresIn(png: Buffer): string {
  const width = png.readUInt32BE(16)
  const height = png.readUInt32BE(20)
  const length = png.readUInt32BE(33)
  const rows = inflateSync(png.subarray(41, 41 + length))
  const at = (x: number, y: number): string => {
    const place = y * (width * 3 + 1) + 1 + x * 3
    return COLOURS[[...rows.subarray(place, place + 3)].join(",")] ?? "unknown"
  }
  const [left, right, top, bottom] = [width >> 2, 3 * (width >> 2), height >> 2, 3 * (height >> 2)]
  return [at(left, top), at(right, top), at(left, bottom), at(right, bottom)].join(", ")
}

function wordOf({ source }: Extract<Block, { readonly type: "document" }>): string {
  const page = source.kind === "base64" ? Buffer.from(source.data, "base64").toString("latin1") : ""
  return /word of the day is (\w+)/.exec(page)?.[1] ?? "no page"
}

function answerTo({ instructions, messages }: Request, asked: string): string {
  const told = textIn([...instructions, ...systemOf(messages)])
  const repeated = /answer with this one word: (\w+)/.exec(told)?.[1] ?? /nothing else: (\w+)$/.exec(asked)?.[1]
  if (repeated !== undefined) return repeated
  const words = /and nothing else: (\w+ \w+ \w+)$/.exec(asked)?.[1]
  if (words !== undefined) return words
  const onwards = /Go on from (\d+) to (\d+)/.exec(asked) ?? /numbers from (\d+) to (\d+)/.exec(asked)
  if (onwards !== null) return numbers(Number(onwards[1]), Number(onwards[2]))
  return "I cannot."
}

function systemOf(messages: readonly Message[]): readonly Block[] {
  return messages.filter(({ role }) => role === "system" || role === "developer").flatMap(({ blocks }) => blocks)
}

function numbers(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index).join(" ")
}
