/** The inputs of the cases of the loop's bench. */
import { SAMPLES, type Dialect } from "../../test/helpers/samples.ts"
import type { Config } from "../../test/helpers/config.ts"

export interface LoopCase {
  readonly name: string
  readonly client: Dialect
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Of the client's request. */
  readonly body: () => string
  /** Of the upstream. */
  readonly answer: () => Response
  readonly configure?: (config: Config, folder: string) => void
}

export const prose = (size: number): string =>
  'some words \\n and "more" of them, ü. '.repeat(Math.ceil(size / 37)).slice(0, size)

export const json = (text: string, status = 200): Response =>
  new Response(text, { status, headers: { "content-type": "application/json" } })

export const events = (text: string): Response =>
  new Response(text, { headers: { "content-type": "text/event-stream" } })

export const text = (client: Dialect, model: string, size: number, more: object = {}): string =>
  SAMPLES[client].request({
    model,
    text: prose(size),
    extra: { ...(client === "messages" ? { max_tokens: 9 } : {}), ...more },
  })

export const denseText = (size: number): string => `[${"{},".repeat(Math.floor(size / 3) - 1)}{}]`
