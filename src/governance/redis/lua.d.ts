/** Scripts of the shared store are imported as text: `import admit from "./admit.lua" with { type: "text" }`. */
declare module "*.lua" {
  const text: string
  export default text
}
