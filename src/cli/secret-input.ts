/** A secret that is typed, without showing it, or piped in. */
import { EXIT } from "./command.ts"

const LONGEST = 4096

/** From a terminal what is typed before Enter; else the first line of the standard input. */
export async function readSecret(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return firstLine()
  // first: what is typed before would be shown
  process.stdin.setRawMode(true)
  process.stderr.write(prompt)
  process.stdin.setEncoding("utf8")
  try {
    return await typed()
  } finally {
    process.stdin.setRawMode(false)
    process.stdin.pause()
    process.stderr.write("\n")
  }
}

async function firstLine(): Promise<string> {
  let text = ""
  const decoder = new TextDecoder()
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes("\n") || text.length > LONGEST) break
  }
  return (text.split("\n")[0] ?? "").replace(/\r$/, "")
}

const CONTROL_C = "\u0003"
const BACKSPACES: ReadonlySet<string> = new Set(["\b", "\u007f"])
const ENDS: ReadonlySet<string> = new Set(["\r", "\n", "\u0004"])

function typed(): Promise<string> {
  const characters: string[] = []
  return new Promise((resolve) => {
    const read = (chunk: string): void => {
      for (const character of chunk) {
        if (character === CONTROL_C) {
          process.stdin.setRawMode(false)
          process.exit(EXIT.failed)
        }
        if (ENDS.has(character)) {
          process.stdin.off("data", read)
          resolve(characters.join(""))
          return
        }
        if (BACKSPACES.has(character)) characters.pop()
        else if (characters.length < LONGEST) characters.push(character)
      }
    }
    process.stdin.on("data", read)
    process.stdin.resume()
  })
}
