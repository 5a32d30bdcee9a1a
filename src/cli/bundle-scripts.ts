/**
 * The hidden command that bundles scripts for the process that started it: with an empty environment, and gone when that
 * process is. Reads one line, `{"scripts": [path, …]}`; writes a list of `Bundled`, in the same order, and ends.
 */
import { bundle, type Bundled } from "../routing/script/bundle/bundler.ts"

export function run(): Promise<number> {
  const finished = Promise.withResolvers<number>()
  let asked = ""
  process.stdin.on("data", (bytes: Buffer) => {
    if (asked.includes("\n")) return
    asked += bytes.toString()
    if (asked.includes("\n")) answer(asked).then(finished.resolve, finished.reject)
  })
  process.stdin.on("end", () => process.exit(1))
  return finished.promise
}

async function answer(asked: string): Promise<number> {
  const { scripts } = JSON.parse(asked) as { readonly scripts: readonly string[] }
  const answers: Bundled[] = []
  for (const script of scripts) answers.push(await bundle(script))
  await Bun.write(Bun.stdout, JSON.stringify(answers))
  process.stdin.destroy()
  return 0
}
