/** Markdown files are imported as text: `import page from "./x.md" with { type: "text" }`. */
declare module "*.md" {
  const text: string
  export default text
}
