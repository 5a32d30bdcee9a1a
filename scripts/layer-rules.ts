/** The import rules of the linter, made from the table of the layers. */
import { CONFIG_ROOMS, DIALECTS, LAYERS, ROOMS, STEPS, type Layer } from "./layers.ts"

const FOLDERS = LAYERS.map(({ folder }) => folder)
const DOOR = { regex: "(?:^|/)main\\.ts$", message: "src/main.ts is the door, nothing imports it." }
const OUTSIDE = {
  regex: "^(?:\\.\\./)+(?:test|bench|scripts)/",
  message: "The product does not import its tests, benchmarks or scripts.",
}
const RANDOM = {
  name: "node:crypto",
  importNames: ["randomBytes", "randomUUID", "randomInt", "randomFillSync", "getRandomValues"],
  message: "Randomness is handed in, so that tests can fix it: take it from src/system/.",
}

interface Pattern {
  readonly regex?: string
  readonly group?: readonly string[]
  readonly allowTypeImports?: true
  readonly message: string
}

interface Override {
  readonly files: readonly string[]
  readonly rules: Readonly<Record<string, unknown>>
}

const words = (text: string): readonly string[] => (text === "" ? [] : text.split(" "))
const inside = (folders: readonly string[]): string => `^(?:\\.\\./)+(?:${folders.join("|")})/`

function patternsOf({ folder, knows, never, types = "", reason }: Layer): readonly Pattern[] {
  const typed = words(types).map((one) => one.split(":") as [string, string?])
  const known = knows === "*" ? FOLDERS.filter((one) => !words(never ?? "").includes(one)) : words(knows)
  const banned = FOLDERS.filter(
    (one) => one !== folder && !known.includes(one) && !typed.some(([name]) => name === one),
  )
  const whole = typed.filter(([, files]) => files === undefined).map(([name]) => name)
  const message = `${reason} (Types may be imported: \`import type\`.)`
  return [
    ...(banned.length === 0 ? [] : [{ regex: inside(banned), message: reason }]),
    ...(whole.length === 0 ? [] : [{ regex: inside(whole), allowTypeImports: true as const, message }]),
    ...typed.flatMap(([name, files]) =>
      files === undefined ? [] : [{ group: groupOf(name, files.split(",")), allowTypeImports: true as const, message }],
    ),
    DOOR,
    OUTSIDE,
  ]
}

function groupOf(folder: string, files: readonly string[]): readonly string[] {
  return [`**/${folder}/**`, ...files.map((file) => `!**/${folder}/**/${file}.ts`)]
}

function roomPatterns(room: string): readonly Pattern[] {
  const at = ROOMS.indexOf(room)
  const later = ROOMS.slice(at + 1)
  const message = `A room of the pipeline imports the rooms before it: ${ROOMS.join(", ")}.`
  const mayStep = room === "rehearsal" || room === "aside"
  return [
    // an attempt holds its translation
    ...(room === "call" ? [{ regex: "^\\.\\./translation/", allowTypeImports: true as const, message }] : []),
    ...later
      .filter((one) => room !== "call" || one !== "translation")
      .map((one) => ({ regex: `^\\.\\./${one}/`, message })),
    ...(mayStep ? [] : [{ regex: `^\\.\\./(?:${STEPS.join("|")})\\.ts$`, message: "A room knows no step of a call." }]),
  ]
}

function configPatterns(room: string): readonly Pattern[] {
  const at = CONFIG_ROOMS.indexOf(room)
  const message = `A room of the configuration imports the rooms before it: ${CONFIG_ROOMS.join(", ")}.`
  const parts = /^(?:reload|edit)$/.test(room)
    ? []
    : [
        {
          regex: "^\\.\\./(?:callers|load|load-apart|load-thread|reading)\\.ts$",
          message: "The files beside the rooms use them.",
        },
      ]
  return [...CONFIG_ROOMS.slice(at + 1).map((one) => ({ regex: `^\\.\\./${one}/`, message })), ...parts]
}

function override(files: string, patterns: readonly Pattern[], isImpure = false): Override {
  const options = { patterns, ...(isImpure ? {} : { paths: [RANDOM] }) }
  return { files: [files], rules: { "no-restricted-imports": ["error", options] } }
}

function layerOf(folder: string): Layer {
  const layer = LAYERS.find((one) => one.folder === folder)
  if (layer === undefined) throw new Error(folder)
  return layer
}

function overrides(): readonly Override[] {
  const dialect = {
    regex: `^\\.\\./(?:${DIALECTS.join("|")})/`,
    message: "A dialect folder knows only itself: what two dialects share stands in src/dialects/.",
  }
  const demo = { regex: "^(?:\\.\\./)+errors\\.ts", message: layerOf("demo").reason }
  return [
    ...LAYERS.map((layer) => {
      const patterns = layer.folder === "demo" ? [...patternsOf(layer), demo] : patternsOf(layer)
      return override(`src/${layer.folder}/**/${layer.files ?? "*.ts"}`, patterns, layer.isImpure)
    }),
    ...ROOMS.map((room) =>
      override(`src/pipeline/${room}/**/*.ts`, [...patternsOf(layerOf("pipeline")), ...roomPatterns(room)]),
    ),
    ...CONFIG_ROOMS.map((room) =>
      override(`src/config/${room}/**/*.ts`, [...patternsOf(layerOf("config")), ...configPatterns(room)]),
    ),
    override(`src/dialects/{${DIALECTS.join(",")}}/**/*.ts`, [...patternsOf(layerOf("dialects")), dialect]),
  ]
}

/** The linter's configuration with the import rules of folders as the table says; everything else in it stays. */
export function withLayers(text: string): string {
  const config = JSON.parse(text) as { readonly overrides: readonly Override[] }
  const kept = config.overrides.filter(
    ({ files, rules }) => !Array.isArray(rules["no-restricted-imports"]) || !files.every((one) => one.includes("**")),
  )
  return JSON.stringify({ ...config, overrides: [...overrides(), ...kept] }, null, 2)
}
