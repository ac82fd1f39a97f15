import fs from "node:fs";
import path from "node:path";

// address is where the site has a file of the repository.
export function address(file) {
  if (/(^|\/)README\.md$/.test(file)) return file.replace(/README\.md$/, "index.html");
  if (file.endsWith(".md")) return file.replace(/\.md$/, ".html");
  if (/\.(svg|png)$/.test(file)) return file;
  return fs.statSync(file).isDirectory() ? path.posix.join(file, "folder.html") : file + ".html";
}

// resolve returns the file of the repository that a link of a page names and the link's fragment, and nothing for other links.
export function resolve(page, href) {
  if (/^[a-z]+:|^#/.test(href)) return;
  const [name, fragment] = href.split("#");
  const file = path.posix.join(path.posix.dirname(page), decodeURI(name)).replace(/\/$/, "");
  if (!fs.existsSync(file)) throw new Error(`${page}: the link ${href} leads nowhere: there is no ${file}`);
  return { file, fragment };
}

export const relative = (from, to) => path.posix.relative(path.posix.dirname(from), to);

// The pages that exist in both languages, as patterns of their paths.
const languages = [
  [/^((?:docs\/course\/)?README)\.md$/, "$1.ja.md"], [/^((?:docs\/course\/)?README)\.ja\.md$/, "$1.md"],
  [/^docs\/course\/en\//, "docs/course/ja/"], [/^docs\/course\/ja\//, "docs/course/en/"],
  [/^docs\/(?!ja\/|course\/)/, "docs/ja/"], [/^docs\/ja\//, "docs/"],
];

// counterpart is the page in the other language, if there is one.
export const counterpart = (file) =>
  languages.filter(([from]) => from.test(file)).map(([from, to]) => file.replace(from, to)).find((other) => fs.existsSync(other));

export const isJapanese = (file) => /\/ja\/|\.ja\.md$/.test(file);
