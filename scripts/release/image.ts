/**
 * Writes an image for several architectures as an OCI layout (https://github.com/opencontainers/image-spec/blob/main/image-layout.md),
 * without Docker: the C library, the folders that the runtime needs, the binary. No shell, no package manager, no set-user-id file.
 */
import type { Architecture, Base } from "./base.ts"
import { gzip, sha256, tar, type TarEntry } from "./tar.ts"

/** The user and group `nonroot` of the image. */
export const IMAGE_USER = 65_532
const MEDIA = "application/vnd.oci.image"
const DATA = "var/lib/smart-router"

export interface ImagePart {
  readonly architecture: Architecture
  readonly base: Base
  readonly binary: Uint8Array
}

export interface ImageFacts {
  readonly version: string
  readonly commit: string
  /** ISO 8601. */
  readonly time: string
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** The archive of the layout. `docker load` of older versions finds its own list in it. */
export function imageArchive(parts: readonly ImagePart[], facts: ImageFacts): Buffer {
  const seconds = Date.parse(facts.time) / 1000
  const blobs = new Map<string, Buffer>()
  const put = (mediaType: string, content: Buffer): Descriptor => {
    const digest = sha256(content)
    blobs.set(digest, content)
    return { mediaType, digest: `sha256:${digest}`, size: content.length }
  }
  const images = parts.map((part) => putImage(part, facts, seconds, put))
  const manifests = images.map(({ manifest, part }) => ({
    ...manifest,
    platform: { architecture: part.architecture, os: "linux" },
  }))
  const list = put(`${MEDIA}.index.v1+json`, json({ schemaVersion: 2, mediaType: `${MEDIA}.index.v1+json`, manifests }))
  const index = {
    schemaVersion: 2,
    mediaType: `${MEDIA}.index.v1+json`,
    manifests: [{ ...list, annotations: { "org.opencontainers.image.ref.name": facts.version } }],
  }
  const loaded = images.map(({ config, layers, part }) => ({
    Config: blobPath(config),
    RepoTags: [`smart-router:${facts.version}-${part.architecture}`],
    Layers: layers.map(blobPath),
  }))
  const files: TarEntry[] = [
    { path: "blobs/", mode: 0o755 },
    { path: "blobs/sha256/", mode: 0o755 },
    ...[...blobs]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([digest, content]) => ({ path: `blobs/sha256/${digest}`, content, mode: 0o644 })),
    { path: "index.json", content: json(index), mode: 0o644 },
    { path: "manifest.json", content: json(loaded), mode: 0o644 },
    { path: "oci-layout", content: json({ imageLayoutVersion: "1.0.0" }), mode: 0o644 },
  ]
  return tar(files, seconds)
}

function blobPath({ digest }: Descriptor): string {
  return `blobs/sha256/${digest.slice("sha256:".length)}`
}

function putImage(
  part: ImagePart,
  facts: ImageFacts,
  seconds: number,
  put: (mediaType: string, content: Buffer) => Descriptor,
): {
  readonly part: ImagePart
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly layers: Descriptor[]
} {
  const trees = [baseTree(part.base), binaryTree(part.binary)].map((entries) => tar(entries, seconds))
  const layers = trees.map((tree) => put(`${MEDIA}.layer.v1.tar+gzip`, gzip(tree)))
  const config = put(
    `${MEDIA}.config.v1+json`,
    json({
      created: facts.time,
      architecture: part.architecture,
      os: "linux",
      config: configOf(facts, part.base),
      rootfs: { type: "layers", diff_ids: trees.map((tree) => `sha256:${sha256(tree)}`) },
      history: ["the C library and folders", "smart-router"].map((what) => ({ created: facts.time, created_by: what })),
    }),
  )
  const mediaType = `${MEDIA}.manifest.v1+json`
  const manifest = put(mediaType, json({ schemaVersion: 2, mediaType, config, layers }))
  return { part, manifest, config, layers }
}

function configOf({ version, commit, time }: ImageFacts, base: Base): object {
  const label = "org.opencontainers.image"
  return {
    User: `${IMAGE_USER}:${IMAGE_USER}`,
    ExposedPorts: { "8080/tcp": {} },
    Env: ["PATH=/usr/local/bin", "HOME=/nonexistent"],
    Entrypoint: ["/usr/local/bin/smart-router"],
    Cmd: ["serve", "--config", "/etc/smart-router/config.yaml"],
    WorkingDir: `/${DATA}`,
    StopSignal: "SIGTERM",
    Labels: {
      [`${label}.title`]: "smart-router",
      [`${label}.description`]: "The governed gateway between an organisation's AI clients and its model providers",
      [`${label}.licenses`]: "Apache-2.0",
      [`${label}.version`]: version,
      [`${label}.revision`]: commit,
      [`${label}.created`]: time,
      [`${label}.base.name`]: `debian libc6 ${base.version}`,
    },
  }
}

/** Mount points for what a read-only root cannot hold, and `/proc`, without which the runtime ends. */
const FOLDERS: readonly TarEntry[] = [
  ...[
    "dev/",
    "etc/",
    "lib/",
    "proc/",
    "sys/",
    "usr/",
    "usr/local/",
    "usr/local/bin/",
    "usr/share/",
    "usr/share/doc/",
  ].map((path) => ({ path, mode: 0o755 })),
  { path: "etc/smart-router/", mode: 0o755 },
  { path: "run/", mode: 0o755 },
  { path: "run/secrets/", mode: 0o755 },
  { path: "tmp/", mode: 0o1777 },
  { path: "var/", mode: 0o755 },
  { path: "var/lib/", mode: 0o755 },
  { path: `${DATA}/`, mode: 0o750, owner: IMAGE_USER },
]

function baseTree(base: Base): TarEntry[] {
  const folders = new Set(base.files.map(({ path }) => `${path.slice(0, path.lastIndexOf("/"))}/`))
  return [
    ...FOLDERS,
    ...[...folders].filter((path) => path !== "lib/").map((path) => ({ path, mode: 0o755 })),
    ...base.files,
    { path: "etc/passwd", content: passwd("/nonexistent:/nonexistent"), mode: 0o644 },
    { path: "etc/group", content: `root:x:0:\nnonroot:x:${IMAGE_USER}:\n`, mode: 0o644 },
    { path: "etc/nsswitch.conf", content: "hosts: files dns\n", mode: 0o644 },
    { path: "usr/share/doc/libc6-copyright", content: base.licence, mode: 0o644 },
  ]
}

function passwd(homeAndShell: string): string {
  return `root:x:0:0:root:${homeAndShell}\nnonroot:x:${IMAGE_USER}:${IMAGE_USER}:nonroot:${homeAndShell}\n`
}

function binaryTree(binary: Uint8Array): TarEntry[] {
  const folders = ["usr/", "usr/local/", "usr/local/bin/"].map((path) => ({ path, mode: 0o755 }))
  return [...folders, { path: "usr/local/bin/smart-router", content: binary, mode: 0o755 }]
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 1)}\n`)
}
