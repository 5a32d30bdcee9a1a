/** The engine's WebAssembly as a file: beside the sources, or inside the binary. */
declare module "@jitl/quickjs-wasmfile-release-sync/wasm" {
  const path: string
  export default path
}
