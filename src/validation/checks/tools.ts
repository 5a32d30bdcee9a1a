import { type Asking, callsOf, type Check, fail, saysOf, undecided } from "../check.ts"
import {
  expectCalls,
  expectReading,
  expectWord,
  type Reading,
  readingText,
  resultOf,
  said,
  TOOL,
  turnOf,
} from "../judge.ts"

/** A tool is called with the arguments that were given, its result is read, and where none may be called none is. */
export const tools: Check = {
  name: "tools",
  proves:
    "tools are called with exactly the given arguments, streamed too, and their results are read in the next turn",
  declared: (target) => saysOf(target, "tools"),
  impossible: () => null,
  most: (_target, cap) => ({ input: 16_000, output: 4 * cap }),
  run: async (asking) => {
    const { answer, word } = asking
    const reading = readingFrom(asking)
    const opening = said(
      `Call the tool ${TOOL.name} once, with ${readingText(reading)}. When it has returned, answer with the receipt and nothing else.`,
    )
    const { reply } = await answer({ messages: [opening], tools: [TOOL] })
    const [call] = expectCalls(reply, 1)
    if (call === undefined) return
    expectReading(call, reading)
    const receipt = word()
    const messages = [opening, turnOf(reply), resultOf(call, `The receipt is ${receipt}`)]
    const { reply: told } = await answer({ messages, tools: [TOOL] })
    expectWord(told, receipt, "the answer after the result")
    await askStreamed(asking)
    await askForNone(asking, reading)
  },
}

async function askStreamed(asking: Asking): Promise<void> {
  const reading = readingFrom(asking)
  const messages = [said(`Call the tool ${TOOL.name} once, with ${readingText(reading)}.`)]
  const heard = await asking.streamIfWhole({ messages, tools: [TOOL] })
  if (heard === null) return undecided("the stream with a call is not whole")
  const [call] = expectCalls(heard.reply, 1)
  if (call !== undefined) expectReading(call, reading)
}

async function askForNone({ answer, target }: Asking, reading: Reading): Promise<void> {
  if (target.capabilities.toolChoice === false) return
  const messages = [said(`Call the tool ${TOOL.name} with ${readingText(reading)}, or say that you cannot.`)]
  const { reply } = await answer({ messages, tools: [TOOL], toolChoice: { mode: "none" } })
  if (callsOf(reply).length > 0) fail("a tool is called although the choice was none")
}

export function readingFrom({ word, draw }: Asking): Reading {
  return { station: word(), level: 10 + draw(90), urgent: draw(2) === 1 }
}
