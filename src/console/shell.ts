/** The page that every path of the console begins with: it holds nothing but where script and style are. */

export interface ShellParts {
  /** Below this path the console stands, without a slash at its end. */
  readonly base: string
  /** The longest range that the router answers. */
  readonly longestRangeMs: number
  readonly script: string
  readonly style: string
}

/** The configuration's pattern for paths leaves no character that HTML would read otherwise. */
export function shell({ base, longestRangeMs, script, style }: ShellParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="base" content="${base}">
<meta name="longest-range-ms" content="${longestRangeMs}">
<meta name="robots" content="noindex">
<title>smart-router</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/assets/${style}">
<script type="module" src="${base}/assets/${script}"></script>
</head>
<body>
<div id="console"><noscript><p>These pages need JavaScript. The same figures come from <code>smart-router report</code>.</p></noscript></div>
</body>
</html>
`
}
