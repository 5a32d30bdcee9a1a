/** A far end that does as a word in the request's text says. */
import { reply, resetAtOnce, stall, stream } from "./behaviours.ts"
import { bodyText, type Behaviour } from "./fake-upstream.ts"
import { at } from "./streams.ts"
import { sampleFor, vendorAnswer } from "./vendor.ts"

/** `mood-leave` is for the client to do. */
export const MOODS = ["fine", "mood-fail", "mood-reset", "mood-stall", "mood-break", "mood-long", "mood-leave"] as const

export type Mood = (typeof MOODS)[number]

/** How many words `mood-long` has. */
export const LONG_WORDS = 160

export const moody: Behaviour = (exchange) => moodOf(bodyText(exchange.request))(exchange)

function moodOf(body: string): Behaviour {
  if (body.includes("mood-fail")) return reply('{"error":{"message":"no"}}', { status: 500 })
  if (body.includes("mood-reset")) return resetAtOnce
  if (body.includes("mood-stall")) return stall
  if (body.includes("mood-break"))
    return async (exchange) => {
      const sample = sampleFor(exchange.request)
      const frames = sample.frames().slice(0, sample.framesBeforeContent + 1)
      await stream([...frames, { end: "reset" }])(exchange)
    }
  if (body.includes("mood-long") && at(JSON.parse(body), "stream") === true)
    return async (exchange) => {
      const words = Array.from({ length: LONG_WORDS }, (_, index) => ` w${index % 10}`)
      const frames = sampleFor(exchange.request).frames(words)
      await stream(frames.flatMap((frame, index) => (index % 40 === 0 ? [frame, { waitMs: 2 }] : [frame])))(exchange)
    }
  return vendorAnswer()
}
