/** One provider of a configuration as a target, whatever is wrong with the rest of the file. */
import { compile } from "../../config/compile/compile.ts"
import type { Engine } from "../../config/compile/known-targets.ts"
import { loadConfig } from "../../config/load.ts"
import { mapping } from "../../config/read/outline.ts"
import { readTextFile } from "../../config/read/sources.ts"
import type { Snapshot, Target } from "../../config/snapshot.ts"
import { nearest } from "../../nearest.ts"
import { givenEnvironment } from "../environment.ts"
import { ChangeRefused, rootOf } from "../token/config-file.ts"

export interface OneProvider {
  /** Its model means nothing. */
  readonly target: Target
  readonly connections: Snapshot["connections"]
  readonly engine: Engine | undefined
}

const GROUP = "one"

/**
 * @param file an absolute path; secrets are taken from where it stands
 * @throws ChangeRefused
 */
export function targetOf(file: string, text: string, name: string): OneProvider {
  const root = rootOf(text)
  const providers = mapping(root["providers"])
  if (!Object.hasOwn(providers, name)) {
    const meant = nearest(name, Object.keys(providers))
    const hint = meant === undefined ? "" : ` Did you mean ${JSON.stringify(meant)}?`
    throw new ChangeRefused(`There is no provider ${JSON.stringify(name)} in ${file}.${hint}`)
  }
  const { models: _, ...entry } = mapping(providers[name])
  const connections = mapping(root["server"])["connections"]
  const alone = JSON.stringify({
    ...(connections === undefined ? {} : { server: { connections } }),
    providers: { [name]: entry },
    models: { [GROUP]: { strategy: "static", targets: [{ provider: name, model: "any" }] } },
  })
  const { config, findings } = loadConfig({
    path: file,
    env: givenEnvironment(),
    readFile: (asked) => (asked === file ? alone : readTextFile(asked)),
  })
  if (config === null) {
    const errors = findings.filter(({ severity }) => severity === "error")
    const lines = errors.map(({ path, message }) => `  ${path}: ${message}`)
    throw new ChangeRefused(`The provider ${name} cannot be used as it stands in ${file}:\n${lines.join("\n")}`)
  }
  const snapshot = compile(config, { userAgent: "smart-router" })
  const target = snapshot.groups.get(GROUP)?.targets[0]
  if (target === undefined) throw new Error("a group without its target")
  return { target, connections: snapshot.connections, engine: config.providers[name]?.engine }
}
