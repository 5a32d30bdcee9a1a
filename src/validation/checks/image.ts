import type { Block, ImageBlock } from "../../canonical/block.ts"
import type { Message } from "../../canonical/request.ts"
import type { Reply } from "../../canonical/reply.ts"
import { type Asking, type Check, fail, textOf, saysOf } from "../check.ts"
import { expectCalls, said, TOOL, turnOf } from "../judge.ts"
import { COLOUR_NAMES, coloursIn, drawColours, squaresPng } from "../squares.ts"

const QUESTION = `The picture shows four squares. Name their colours, left to right, the upper row first, as four words out of: ${COLOUR_NAMES.join(", ")}. Nothing else.`

/** Four coloured squares are seen, in every place where a picture can stand. */
export const image: Check = {
  name: "image",
  proves: "pictures are seen: as data and by address in a user's turn, and in the result of a tool",
  declared: (target) => saysOf(target, "image"),
  impossible: () => null,
  most: (_target, cap) => ({ input: 20_000, output: 4 * cap }),
  run: async (asking) => {
    const { draw, answer, options, target } = asking
    const shown = drawColours(draw)
    const question = { messages: [userTurn([pngOf(shown)])] }
    judge((await answer(question)).reply, shown, "as data")
    if (options.image !== null && target.facts.imageUrls) {
      const linked: ImageBlock = { type: "image", source: { kind: "url", url: options.image.url } }
      judge((await answer({ messages: [userTurn([linked])] })).reply, options.image.colours, "by address")
    }
    if (target.facts.toolResultMedia && target.capabilities.tools === true) await inResult(asking)
  },
}

function userTurn(pictures: readonly Block[]): Message {
  return { role: "user", blocks: [...pictures, { type: "text", text: QUESTION }] }
}

function pngOf(colours: ReturnType<typeof drawColours>): ImageBlock {
  const data = Buffer.from(squaresPng(colours)).toString("base64")
  return { type: "image", source: { kind: "base64", mediaType: "image/png", data } }
}

async function inResult({ draw, answer, word }: Asking): Promise<void> {
  const shown = drawColours(draw)
  const opening = said(
    `Call the tool ${TOOL.name} once, with station "${word()}", level 12, urgent false. It returns a picture. ${QUESTION}`,
  )
  const { reply } = await answer({ messages: [opening], tools: [TOOL] })
  const [call] = expectCalls(reply, 1)
  if (call === undefined) return
  const result: Block = {
    type: "tool-result",
    callId: call.id,
    kind: call.kind,
    isError: false,
    content: [pngOf(shown)],
  }
  const messages: Message[] = [opening, turnOf(reply), { role: "user", blocks: [result] }]
  judge((await answer({ messages, tools: [TOOL] })).reply, shown, "in the result of a tool")
}

/** @throws Judgement */
function judge(reply: Reply, shown: readonly string[], place: string): void {
  const named = coloursIn(textOf(reply))
  if (named.join(" ") !== shown.join(" ")) fail(`a picture ${place} is not seen: its colours are not named`)
}
