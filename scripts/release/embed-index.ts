/** Puts the search index of the documents into the binary, in place of the module that has it made in a checkout. */
import type { BunPlugin } from "bun"

export function embedIndex(index: string): BunPlugin {
  return {
    name: "embed-index",
    setup: (build) => {
      build.onLoad({ filter: /src\/server\/document-index-embedded\.ts$/ }, () => ({
        contents: `export const EMBEDDED_INDEX = ${JSON.stringify(index)}\n`,
        loader: "ts",
      }))
    },
  }
}
