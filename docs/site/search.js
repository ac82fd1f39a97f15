// The search of the site. The builder loads this file too: the index and the queries must be split into words in the same way.
const stopWords = new Set(("a an and are as at be by can do does for from how i if in is it its me my of on or our s that the then this to up was " +
  "what when where which who why will with you your か が から し す た て で と な に の は へ まし ます も や を").split(" "));

globalThis.searchOptions = {
  fields: ["heading", "page", "text"], // of a section
  storeFields: ["heading", "page", "url", "ja"],
  tokenize: (text) => {
    const words = [];
    for (const run of text.split(/[^\p{L}\p{N}_]+/u))
      if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u.test(run))
        for (const s of searchOptions.japanese.segment(run)) words.push(s.segment);
      else if (run) words.push(run);
    return words;
  },
  // Questions are asked in sentences: words without a meaning find nothing.
  processTerm: (term) => (stopWords.has(term = term.toLowerCase()) ? null : term),
  japanese: new Intl.Segmenter("ja", { granularity: "word" }),
  searchOptions: { boost: { heading: 3, page: 2 }, prefix: (term) => term.length > 3, fuzzy: (term) => (term.length > 5 ? 0.15 : false) },
};

if (globalThis.document) {
  const box = document.querySelector("search");
  const [input, list] = [box.querySelector("input"), box.querySelector("ol")];
  const japanese = document.documentElement.lang === "ja";
  let index;

  const load = () => index ??= new Promise((done) => {
    const script = document.createElement("script");
    script.src = box.dataset.root + "site/index.js";
    script.onload = () => done(MiniSearch.loadJSON(globalThis.searchIndex, searchOptions));
    document.head.append(script);
  });

  // The reader's language comes first, and the handbook before the lessons and the decisions.
  const boostDocument = (id, term, { ja = false, url }) => (ja === japanese ? 2 : 1) * (/\/(adr|course)\//.test(url) ? 0.5 : 1);

  const show = async () => {
    const search = await load();
    const query = input.value.trim();
    const words = query.split(/\s+/);
    const joined = words.slice(1).map((word, i) => words[i] + word); // back up is backup
    const found = search.search([query, ...joined].join(" "), { boostDocument })
      .filter((r, i, all) => all.findIndex((other) => other.url === r.url) === i).slice(0, 10);
    list.replaceChildren(...found.map((r) => {
      const link = document.createElement("a");
      link.href = box.dataset.root + r.url;
      link.textContent = r.page === r.heading ? r.page : r.page + " › " + r.heading;
      const item = document.createElement("li");
      item.append(link);
      return item;
    }));
    if (!found.length) list.append(Object.assign(document.createElement("li"), { textContent: list.dataset.none }));
    list.hidden = !query;
    list.dataset.query = query;
  };

  input.addEventListener("focus", load);
  input.addEventListener("input", show);
  box.addEventListener("keydown", (e) => {
    if (e.key === "Escape") list.hidden = true;
    if (e.key === "Enter" && e.target === input) list.querySelector("a")?.click();
    const links = [...list.querySelectorAll("a")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step || list.hidden) return;
    e.preventDefault();
    (links[links.indexOf(document.activeElement) + step] || input).focus();
  });
}
