import fs from "node:fs";
import { address, counterpart, isJapanese, relative, resolve } from "./paths.js";

const texts = {
  en: { home: "tripsaga", course: "The course", handbook: "Handbook", other: "日本語", search: "Search", results: "Results", none: "Nothing found", pages: "Pages" },
  ja: { home: "tripsaga", course: "コース", handbook: "ハンドブック", other: "English", search: "検索", results: "検索結果", none: "見つかりません", pages: "ページ一覧" },
};
const places = {
  en: { home: "README.md", course: "docs/course/README.md", handbook: "docs/README.md" },
  ja: { home: "README.ja.md", course: "docs/course/README.ja.md", handbook: "docs/ja/README.md" },
};

// contents lists the pages that the handbook's index names: its headings, and the first link of each row or item.
function contents(index, link) {
  let list = "", part = "";
  for (const line of fs.existsSync(index) ? fs.readFileSync(index, "utf8").split("\n") : []) {
    const heading = line.match(/^## (.+)/);
    const entry = line.match(/^(?:\||-|\d+\.) ?\[([^\]]+)\]\(([^)#]+)\)/);
    if (heading) part = `<li class="part">${heading[1]}</li>\n`;
    else if (entry) [list, part] = [list + part + `<li>${link(resolve(index, entry[2]).file, entry[1].replaceAll("`", ""))}</li>\n`, ""];
  }
  return list;
}

// frame is a whole page around the content of a file.
export function frame(file, title, content) {
  const lang = isJapanese(file) ? "ja" : "en";
  const [text, place] = [texts[lang], places[lang]];
  const to = (other) => encodeURI(relative(address(file), other));
  const link = (other, name) => `<a href="${to(address(other))}"${other === file ? ' aria-current="page"' : ""}>${name}</a>`;
  const other = counterpart(file) || (lang === "ja" ? places.en.home : places.ja.home);
  const pages = contents(place.handbook, link);
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
</main>
${pages ? `<nav class="pages" aria-label="${text.pages}"><details open><summary>${text.pages}</summary><ul>\n${pages}</ul></details></nav>\n` : ""}</body>
</html>
`;
}
