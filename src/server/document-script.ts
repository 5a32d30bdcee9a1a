/** What the pages do in a browser: search, copy, and links to where a reader stands. They can be read without it. */

export const SCRIPT: string = String.raw`"use strict"
const make = (tag, className, text = "") => {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

for (const block of document.querySelectorAll("pre")) {
  const frame = make("div", "code")
  block.replaceWith(frame)
  const button = make("button", "copy", "Copy")
  button.type = "button"
  button.addEventListener("click", async () => {
    button.textContent = (await copied(block)) ? "Copied" : "Select and copy"
    setTimeout(() => (button.textContent = "Copy"), 2000)
  })
  block.tabIndex = 0
  frame.append(block, button)
}

/* Browsers give the clipboard to pages over TLS or of this machine alone; elsewhere the text is selected. */
async function copied(block) {
  try {
    await navigator.clipboard.writeText(block.textContent.replace(/\n$/, ""))
    return true
  } catch {
    getSelection().selectAllChildren(block)
    return document.execCommand("copy")
  }
}

for (const target of document.querySelectorAll("main :is(h2, h3, h4)[id], main tr[id]")) {
  const link = make("a", "anchor", "#")
  link.href = "#" + target.id
  link.ariaLabel = "Link to " + target.id
  ;(target.matches("tr") ? target.cells[0] : target).append(link)
}

const search = document.querySelector("search")
const input = search.querySelector("input")
const found = search.querySelector(".found")
let index = null
search.hidden = false

async function look() {
  const words = input.value.toLowerCase().split(/\s+/).filter((word) => word !== "")
  if (words.length === 0) return close()
  try {
    index ??= fetch(search.dataset.index).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
    const entries = await index
    if (input.value.toLowerCase().split(/\s+/).filter((word) => word !== "").join(" ") === words.join(" ")) show(entries, words)
  } catch {
    index = null
    found.replaceChildren(make("p", "", "The search cannot be reached at the moment."))
    found.hidden = false
  }
}

function show(entries, words) {
  const hits = entries
    .map((entry) => ({ entry, score: scoreOf(entry, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .slice(0, 20)
  found.replaceChildren(...hits.map(({ entry }) => hitOf(entry, words)))
  if (hits.length === 0) found.append(make("p", "", "Nothing has all of these words."))
  found.hidden = false
}

/* All words must stand in it. Words of the heading count most, then whole words of the text. */
function scoreOf([, page, heading, text], words) {
  const title = heading.toLowerCase()
  const body = text.toLowerCase()
  let score = title === words.join(" ") ? 100 : 0
  for (const word of words) {
    const inTitle = title.includes(word)
    if (!inTitle && !body.includes(word) && !page.toLowerCase().includes(word)) return 0
    score += inTitle ? 20 * (word.length / title.length) + 10 : body.includes(word) ? 2 : 1
  }
  return score + 1 / (1 + body.length)
}

function hitOf([url, page, heading, text], words) {
  const link = document.createElement("a")
  link.href = url
  const at = Math.max(0, text.toLowerCase().indexOf(words[0]) - 60)
  const excerpt = (at > 0 ? "…" : "") + text.slice(at, at + 180) + (text.length > at + 180 ? "…" : "")
  const line = make("span", "")
  line.append(...marked(excerpt, words))
  link.append(make("b", "", heading), make("small", "", page), document.createElement("br"), line)
  link.addEventListener("click", close)
  return link
}

/* Texts and marks; a word is found as it stands, never as an expression. */
function marked(text, words) {
  const parts = []
  const lower = text.toLowerCase()
  let from = 0
  while (from < text.length) {
    let at = text.length
    let length = 0
    for (const word of words) {
      const next = lower.indexOf(word, from)
      if (next !== -1 && next < at) [at, length] = [next, word.length]
    }
    parts.push(text.slice(from, at))
    if (length > 0) parts.push(make("mark", "", text.slice(at, at + length)))
    from = at + Math.max(length, 1)
  }
  return parts
}

function close() {
  found.hidden = true
}

input.addEventListener("input", look)
input.addEventListener("focus", look)
document.addEventListener("click", (event) => search.contains(event.target) || close())
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== input && !event.ctrlKey && !event.metaKey) {
    event.preventDefault()
    input.focus()
  }
  if (event.key === "Escape" && search.contains(document.activeElement)) {
    close()
    input.blur()
  }
  const links = [...found.querySelectorAll("a")]
  if (found.hidden || links.length === 0 || !search.contains(document.activeElement)) return
  const place = links.indexOf(document.activeElement)
  const to = { ArrowDown: links[place + 1], ArrowUp: place <= 0 ? input : links[place - 1] }[event.key]
  if (to !== undefined) {
    event.preventDefault()
    to.focus()
  }
  if (event.key === "Enter" && document.activeElement === input) links[0].click()
})
`
