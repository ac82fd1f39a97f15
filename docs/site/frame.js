import fs from "node:fs";
import { address, counterpart, isJapanese, relative, resolve } from "./paths.js";

const texts = {
  en: { home: "tripsaga", course: "The course", handbook: "Handbook", other: "日本語", search: "Search", results: "Results", none: "Nothing found", pages: "Pages", chapters: "Chapters", previous: "Previous", next: "Next" },
  ja: { home: "tripsaga", course: "コース", handbook: "ハンドブック", other: "English", search: "検索", results: "検索結果", none: "見つかりません", pages: "ページ一覧", chapters: "章", previous: "前へ", next: "次へ" },
};
const places = {
  en: { home: "README.md", course: "docs/course/README.md", handbook: "docs/README.md" },
  ja: { home: "README.ja.md", course: "docs/course/README.ja.md", handbook: "docs/ja/README.md" },
};

// entries are the pages that an index names: the first link of each row or item, and of a numbered row its number.
function* entries(index) {
  let part = "";
  for (const line of fs.existsSync(index) ? fs.readFileSync(index, "utf8").split("\n") : []) {
    const heading = line.match(/^## (.+)/);
    const entry = line.match(/^(?:\| (\d+) \||\||-|\d+\.) ?\[([^\]]+)\]\(([^)#]+)\)/);
    if (heading) part = heading[1];
    else if (entry) yield { part, name: (entry[1] ? entry[1] + ". " : "") + entry[2].replaceAll("`", ""), file: resolve(index, entry[3]).file };
  }
}

// contents lists pages, below a heading for each part.
function contents(pages, link) {
  let list = "", last;
  for (const { part, name, file } of pages) {
    if (part !== last) list += `<li class="part">${last = part}</li>\n`;
    list += `<li>${link(file, name)}</li>\n`;
  }
  return list;
}

// neighbours leads from a chapter to the one before and the one after it.
function neighbours(file, chapters, text, to) {
  const at = chapters.findIndex((c) => c.file === file);
  if (at < 0) return "";
  const link = (rel, c) => (c ? `<a rel="${rel}" href="${to(address(c.file))}">${text[rel === "prev" ? "previous" : "next"]}: ${c.name}</a>\n` : "");
  return `<nav class="neighbours" aria-label="${text.chapters}">\n${link("prev", chapters[at - 1])}${link("next", chapters[at + 1])}</nav>\n`;
}

// frame is a whole page around the content of a file.
export function frame(file, title, content) {
  const lang = isJapanese(file) ? "ja" : "en";
  const [text, place] = [texts[lang], places[lang]];
  const to = (other) => encodeURI(relative(address(file), other));
  const link = (other, name) => `<a href="${to(address(other))}"${other === file ? ' aria-current="page"' : ""}>${name}</a>`;
  const other = counterpart(file) || (lang === "ja" ? places.en.home : places.ja.home);
  const chapters = [...entries(place.course)].map((c) => ({ ...c, part: text.course }));
  const pages = contents([...chapters, ...entries(place.handbook)], link);
  return `<!doctype html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}${title === "tripsaga" ? "" : " - tripsaga"}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${to("site/theme.css")}">
<link rel="stylesheet" href="${to("site/style.css")}">
<script defer src="${to("site/minisearch.js")}"></script>
<script defer src="${to("site/search.js")}"></script>
</head>
<body>
<header>
<nav aria-label="tripsaga">
${["home", "course", "handbook"].filter((p) => fs.existsSync(place[p])).map((p) => link(place[p], text[p])).join("\n")}
<a href="${to(address(other))}" hreflang="${lang === "ja" ? "en" : "ja"}" lang="${lang === "ja" ? "en" : "ja"}">${text.other}</a>
</nav>
<search data-root="${to("index.html").replace(/index\.html$/, "")}">
<input type="search" aria-label="${text.search}" placeholder="${text.search}" autocomplete="off">
<ol aria-label="${text.results}" data-none="${text.none}" hidden></ol>
</search>
</header>
<main>
${content}
${neighbours(file, chapters, text, to)}</main>
${pages ? `<nav class="pages" aria-label="${text.pages}"><details open><summary>${text.pages}</summary><ul>\n${pages}</ul></details></nav>\n` : ""}</body>
</html>
`;
}
