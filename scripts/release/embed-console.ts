/** Puts the console's files into the binary, in place of the module that builds them in a checkout. */
import { renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { BunPlugin } from "bun"
import type { BuiltConsole, BuiltFile } from "../../src/console/build.ts"

const FORMS = ["plain", "gzip", "brotli"] as const

/** @param folder where the files may lie until the binary is written */
export function embedConsole(files: BuiltConsole, folder: string): BunPlugin {
  return {
    name: "embed-console",
    setup: (build) => {
      build.onLoad({ filter: /src\/console\/embedded\.ts$/ }, () => ({
        contents: moduleOf(files, folder),
        loader: "ts",
      }))
    },
  }
}

function moduleOf(files: BuiltConsole, folder: string): string {
  const imports: string[] = []
  const member = (name: keyof BuiltConsole, file: BuiltFile): string => {
    const forms = FORMS.map((form) => {
      const path = join(folder, `${file.name}.${form}`)
      // in one step: another build may read it
      writeFileSync(`${path}.${process.pid}`, file[form])
      renameSync(`${path}.${process.pid}`, path)
      imports.push(`import ${name}_${form} from ${JSON.stringify(path)} with { type: "file" }`)
      return `${form}: await Bun.file(${name}_${form}).bytes()`
    })
    const { name: fileName, contentType } = file
    return `${name}: { name: ${JSON.stringify(fileName)}, contentType: ${JSON.stringify(contentType)}, ${forms.join(", ")} }`
  }
  const members = [member("script", files.script), member("style", files.style)]
  return `${imports.join("\n")}\nexport const EMBEDDED = async () => ({ ${members.join(", ")} })\n`
}
