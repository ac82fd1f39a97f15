// Builds the pages of the repository as a static site: make site. A page keeps its path, so that a link to it needs only another
// ending, and the site works below any address and from a folder on a disk.
import fs from "node:fs";
import path from "node:path";
import { renderMermaidSVG } from "beautiful-mermaid";
import MiniSearch from "minisearch";
import { frame } from "./frame.js";
import { address, resolve, relative } from "./paths.js";
import "./search.js"; // defines searchOptions, which the browser needs as well

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

// slug is the anchor that GitHub gives a heading.
const slug = (text) => [...text.toLowerCase()].map((c) => (c === " " ? "-" : /[\p{L}\p{Nd}_-]/u.test(c) ? c : "")).join("");
const plain = (token) => (token.children || []).map((t) => (/^(text|code_inline)$/.test(t.type) ? t.content : t.type === "softbreak" ? " " : "")).join("");

// A diagram is drawn here, with the site's colours. The renderer asks for a web font, which is removed: no page asks another host.
function diagram(text) {
  const svg = renderMermaidSVG(text.replace(/#(\d+|lt|gt|amp);/g, "__$1__"), { bg: "var(--background)", fg: "var(--text)", transparent: true });
  const drawn = svg.replace(/@import url\([^)]*\);/, "").replace(/__(lt|gt|amp)__/g, "&$1;").replace(/__(\d+)__/g, "&#$1;");
  return `<div class="diagram" tabindex="0" role="group" aria-label="diagram">${drawn}</div>`;
}

export default function (config) {
  const sources = new Set(); // files and folders that pages link to, other than pages and pictures
  const sections = []; // what the search finds: each heading with the text below it

  config.setTemplateFormats(["md"]);
  for (const ignored of ["**/.*/**", "**/.tools", "**/node_modules", "cdk.out", "bin"]) config.ignores.add(ignored);
  config.addGlobalData("layout", "page.11ty.js");
  config.addGlobalData("permalink", () => (data) => address(path.posix.normalize(data.page.inputPath)));
  config.addPassthroughCopy("docs/**/*.{svg,png}");
  config.addPassthroughCopy({ "docs/site/style.css": "site/style.css", "report/theme.css": "site/theme.css", "docs/site/search.js": "site/search.js",
    "docs/site/node_modules/minisearch/dist/umd/index.js": "site/minisearch.js" });

  config.amendLibrary("md", (md) => {
    md.set({ html: true, linkify: false });
    md.core.ruler.push("site", (state) => {
      const page = path.posix.normalize(state.env.page.inputPath);
      const seen = new Map();
      let section = { page: "", heading: "", url: address(page), text: "" };
      const visit = (token) => {
        const name = token.type === "image" ? "src" : "href";
        const to = /^(link_open|image)$/.test(token.type) && resolve(page, token.attrGet(name));
        if (to) {
          if (!/\.(md|svg|png)$/.test(to.file)) sources.add(to.file);
          token.attrSet(name, encodeURI(relative(address(page), address(to.file))) + (to.fragment ? "#" + to.fragment : ""));
        }
        if (token.type === "html_inline" || token.type === "html_block") token.content = token.content.replace(/<(https?:[^>]+)>/g, "$1");
        for (const child of token.children || []) visit(child);
      };
      const title = plain(state.tokens[state.tokens.findIndex((t) => t.type === "heading_open") + 1] || {});
      let row; // of the handbook's tables: it finds the page that it leads to
      state.tokens.forEach((token, i) => {
        if (token.type === "tr_open" && /^docs\/(ja\/)?README\.md$/.test(page)) row = { page: title, heading: "", text: "", ja: state.env.ja };
        if (token.type === "tr_close" && row) {
          if (row.url) sections.push(row);
          row = null;
        }
        const href = row && !row.url && token.children?.find((t) => t.type === "link_open")?.attrGet("href");
        const target = href && resolve(page, href);
        if (target) row.url = address(target.file) + (target.fragment ? "#" + target.fragment : "");
        visit(token);
        if (token.type === "heading_open") {
          const heading = plain(state.tokens[i + 1]);
          const n = seen.get(slug(heading)) || 0;
          seen.set(slug(heading), n + 1);
          token.attrSet("id", slug(heading) + (n ? "-" + n : ""));
          section = { page: title, heading, url: address(page) + (token.tag === "h1" ? "" : "#" + token.attrGet("id")), text: "", ja: state.env.ja };
          sections.push(section);
        } else if (token.type === "inline" && row) row[row.heading ? "text" : "heading"] += plain(token);
        else if (token.type === "inline" && state.tokens[i - 1].type !== "heading_open") section.text += plain(token) + " ";
        else if (token.type === "fence") section.text += token.content + " ";
      });
    });
    const fence = md.renderer.rules.fence;
    md.renderer.rules.fence = (tokens, i, ...rest) => (tokens[i].info.trim() === "mermaid" ? diagram(tokens[i].content) : fence(tokens, i, ...rest).replace("<pre>", '<pre tabindex="0">'));
    md.renderer.rules.table_open = () => `<div class="scroll" tabindex="0" role="group" aria-label="table"><table>\n`;
    md.renderer.rules.table_close = () => "</table></div>\n";
  });

  config.on("eleventy.before", () => { sources.clear(); sections.length = 0; });
  config.on("eleventy.after", ({ directories }) => {
    const write = (name, text) => {
      fs.mkdirSync(path.join(directories.output, path.dirname(name)), { recursive: true });
      fs.writeFileSync(path.join(directories.output, name), text);
    };
    for (const file of sources) {
      const text = fs.statSync(file).isDirectory() ? fs.readdirSync(file).join("\n") : fs.readFileSync(file, "utf8");
      write(address(file), frame(file, file, `<h1>${escaped(file)}</h1>\n<pre tabindex="0">${escaped(text)}</pre>`));
    }
    const search = new MiniSearch(globalThis.searchOptions);
    search.addAll(sections.map((s, id) => ({ id, ...s })));
    write("site/index.js", "globalThis.searchIndex = " + JSON.stringify(JSON.stringify(search)) + ";\n");
  });

  return { markdownTemplateEngine: false, dir: { input: ".", includes: "docs/site/_includes" } };
}
