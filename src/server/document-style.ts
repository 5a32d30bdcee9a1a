export const STYLE = `:root { color-scheme: light dark; --ink: #1d2127; --faint: #59626c; --paper: #fff; --well: #f3f5f7; --line: #d9dee3; --link: #0b5cad; --mark: #fff1b8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dde3e9; --faint: #a0abb6; --paper: #14181c; --well: #1e242a; --line: #323a42; --link: #7ab8f5; --mark: #4a4012 }
}
* { box-sizing: border-box }
html { scroll-padding-top: 4.5rem }
body { margin: 0; display: grid; grid-template-columns: 15rem minmax(0, 1fr) 16rem; grid-template-rows: auto 1fr; color: var(--ink);
  background: var(--paper); font: 16px/1.6 system-ui, sans-serif }
[hidden] { display: none !important }
.skip { position: absolute; left: -100rem }
.skip:focus { left: .5rem; top: .5rem; z-index: 3; padding: .5rem; background: var(--paper) }
header { grid-column: 1 / -1; position: sticky; top: 0; z-index: 2; display: flex; gap: 1rem; align-items: center; min-height: 3.5rem; padding: .5rem 1.5rem;
  background: var(--paper); border-bottom: 1px solid var(--line) }
.brand { font-weight: 700; color: var(--ink); text-decoration: none }
search { position: relative; flex: 1; max-width: 32rem; margin-left: auto }
search input { width: 100%; padding: .45rem .75rem; font: inherit; color: var(--ink); background: var(--well); border: 1px solid var(--line); border-radius: .35rem }
.found { position: absolute; right: 0; width: min(40rem, calc(100vw - 2rem)); max-height: 75vh; overflow: auto; margin-top: .25rem; padding: .35rem; background: var(--paper);
  border: 1px solid var(--line); border-radius: .35rem; box-shadow: 0 .5rem 1.5rem rgb(0 0 0 / .25) }
.found p { margin: .5rem }
.found a { display: block; padding: .5rem; border-radius: .25rem; color: var(--ink); text-decoration: none; overflow-wrap: anywhere }
.found a:hover, .found a:focus { background: var(--well) }
.found b { display: block }
.found small { color: var(--faint) }
mark { background: var(--mark); color: inherit }
nav.menu, aside.contents { position: sticky; top: 3.5rem; height: calc(100vh - 3.5rem); overflow: auto; padding: 1rem; font-size: .925rem }
nav.menu { background: var(--well); border-right: 1px solid var(--line) }
nav p, aside p { margin: 1rem .5rem .25rem; font-size: .8rem; font-weight: 700; color: var(--faint) }
nav p:first-child, aside p:first-child { margin-top: 0 }
nav ul, .contents ul { list-style: none; margin: 0; padding: 0 }
nav a, .contents a { display: block; padding: .2rem .5rem; border-radius: .25rem; color: var(--ink); text-decoration: none; overflow-wrap: anywhere }
nav a:hover, .contents a:hover { text-decoration: underline }
nav a[aria-current] { background: var(--link); color: var(--paper) }
.contents .level3 { padding-left: .75rem }
.contents code { background: none; padding: 0 }
details.menu, details.contents { display: none }
summary { cursor: pointer; font-weight: 600; padding: .6rem 0 }
main { width: 100%; max-width: 58rem; padding: 1.5rem 2.5rem 4rem; min-width: 0 }
h1, h2, h3, h4 { line-height: 1.25; margin: 2em 0 .6em; overflow-wrap: anywhere }
h1 { margin-top: 0; font-size: 1.9rem }
h2 { padding-bottom: .25em; border-bottom: 1px solid var(--line) }
:target { background: var(--mark) }
a { color: var(--link) }
.anchor { margin-left: .4em; color: var(--faint); text-decoration: none; opacity: 0 }
:hover > .anchor, td:hover .anchor, .anchor:focus { opacity: 1 }
code { font: .875em/1.5 ui-monospace, monospace; background: var(--well); padding: .1em .3em; border-radius: .2em; overflow-wrap: anywhere }
.code { position: relative; margin: 1em 0 }
pre { margin: 1em 0; background: var(--well); border: 1px solid var(--line); border-radius: .35rem; padding: .8rem 1rem; overflow-x: auto }
pre code { background: none; padding: 0; overflow-wrap: normal }
.code pre { margin: 0 }
.copy { position: absolute; top: .4rem; right: .4rem; padding: .15rem .55rem; font: .8rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: .25rem; cursor: pointer; opacity: 0 }
.code:hover .copy, .copy:focus { opacity: 1 }
@media (hover: none) { .copy { opacity: 1 } .code pre { padding-top: 2.4rem } .anchor { display: none } }
.table { overflow-x: auto; margin: 1em 0 }
table { border-collapse: collapse }
th, td { border: 1px solid var(--line); padding: .35rem .6rem; text-align: left; vertical-align: top }
td { min-width: 6rem }
td code { overflow-wrap: break-word }
td:first-child code { white-space: nowrap }
th { background: var(--well) }
blockquote { margin: 1em 0; padding: 0 1rem; border-left: .25rem solid var(--line); color: var(--faint) }
.source { margin-top: 4rem; font-size: .875rem }
@media (max-width: 80rem) {
  body { grid-template-columns: 15rem minmax(0, 1fr) }
  aside.contents { display: none }
  details.contents { display: block; margin-bottom: 1.5rem; padding: 0 1rem; border: 1px solid var(--line); border-radius: .35rem }
  details.contents ul { max-height: 60vh; overflow: auto; padding-bottom: .75rem }
}
@media (max-width: 48rem) {
  body { display: block }
  nav.menu { display: none }
  header { padding: .5rem 1rem }
  .brand { white-space: nowrap }
  .found { position: fixed; left: 1rem; right: 1rem; top: 3.5rem; width: auto }
  details.menu { display: block; padding: 0 1rem; background: var(--well); border-bottom: 1px solid var(--line) }
  details.menu nav { padding-bottom: 1rem }
  nav a, .contents a { padding-block: .45rem }
  main { padding: 1rem }
  h1 { font-size: 1.6rem }
  pre code[class] { white-space: pre-wrap; overflow-wrap: anywhere }
  .table { overflow: visible }
  table, tbody, tr, td { display: block; border: 0 }
  thead { display: none }
  tr { margin: .75rem 0; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .35rem }
  td { padding: .15rem 0; overflow-wrap: anywhere }
  td:first-child code { white-space: normal }
  td[data-label]:not(:first-child)::before { content: attr(data-label) ": "; color: var(--faint); font-size: .85rem }
  td:empty { display: none }
}
@media print { header, nav.menu, details.menu, details.contents, aside.contents, .copy, .anchor, .source { display: none } body { display: block } pre { white-space: pre-wrap } }
`
