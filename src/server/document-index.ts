/** What the search of the documents looks through. */
import { setImmediate as nextTurn } from "node:timers/promises"
import { textOf } from "./document-anchors.ts"
import { documentBody, markdownPath, pathOf } from "./document-page.ts"
import { DOCUMENTS, MENU } from "./documents.ts"
import { EMBEDDED_INDEX } from "./document-index-embedded.ts"

/** A heading with the text below it, or a key with its row: address, title of the page, words of the heading, text. */
type Entry = readonly [url: string, page: string, heading: string, text: string]

/** JSON, a list of `[url, page, heading, text]`. From the binary, or made in a checkout. */
export async function searchIndex(): Promise<string> {
  return EMBEDDED_INDEX ?? (await makeSearchIndex())
}

/** One document in each turn of the event loop. */
export async function makeSearchIndex(): Promise<string> {
  const entries: Entry[] = []
  for (const document of DOCUMENTS) {
    const { html } = documentBody(document)
    const [, ...sections] = html.split(/(?=<(?:h[1-6]|tr) id=")/u)
    for (const section of sections) {
      const [, tag = "", anchor = ""] = /^<(h[1-6]|tr) id="([^"]*)"/u.exec(section) ?? []
      const title = tag === "tr" ? anchor : textOf(section.slice(0, section.indexOf(`</${tag}>`)))
      const rest = tag === "tr" ? section : section.slice(section.indexOf(`</${tag}>`))
      const text = textOf(rest.replaceAll(/<\/(?:td|th|p|li|pre|h\d)>/gu, " "))
        .replaceAll(/\s+/gu, " ")
        .trim()
      entries.push([`${pathOf(document)}#${anchor}`, document.title, title.trim(), text])
    }
    await nextTurn()
  }
  return JSON.stringify(entries)
}

/** `/docs/llms.txt`: the documents for programs that read, see https://llmstxt.org. */
export function llmsText(): string {
  const parts = MENU.map(({ heading, documents }) => {
    const lines = documents.map(
      (document) => `- [${document.title}](${markdownPath(document)}): ${firstSentence(document.text)}`,
    )
    return `## ${heading}\n\n${lines.join("\n")}\n`
  })
  return `# smart-router\n\n> A governed gateway between AI clients and model providers.\n\n${parts.join("\n")}`
}

/** Of the first paragraph, without marks of Markdown. */
function firstSentence(text: string): string {
  const paragraphs = text.split(/\n\s*\n/u).map((part) => part.trim())
  const first = paragraphs.find((part) => /^[A-Za-z`*[]/u.test(part)) ?? ""
  const plain = first
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/gu, "$1")
    .replaceAll(/\*\*/gu, "")
    .replaceAll(/\s+/gu, " ")
  return /^.*?[.:](?= |$)/u.exec(plain)?.[0].replace(/:$/u, ".") ?? plain
}
