// What pages need of a browser: live updates, copy buttons, countdowns, keys. Everything else works without it.
"use strict";
(() => {
  const policy = window.trustedTypes
    ? trustedTypes.createPolicy("console", { createHTML: (html) => html })
    : { createHTML: (html) => html };

  // Brings `from` to the state of `to` with the least changes, so that focus, selection, open details and scroll stay.
  const morph = (from, to) => {
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && !(name === "open" && from.localName === "details")) from.removeAttribute(name);
    }
    for (const { name, value } of [...to.attributes]) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    if (from.dataset && from.dataset.keep !== undefined) return;
    const keyed = new Map();
    for (const child of from.children) if (child.id) keyed.set(child.id, child);
    let at = from.firstChild;
    for (const want of [...to.childNodes]) {
      let have = want.id ? keyed.get(want.id) : undefined;
      if (have) keyed.delete(want.id);
      else if (at && same(at, want)) have = at;
      if (!have) {
        from.insertBefore(document.importNode(want, true), at);
        continue;
      }
      if (have !== at) from.insertBefore(have, at);
      else at = at.nextSibling;
      if (have.nodeType === Node.ELEMENT_NODE) morph(have, want);
      else if (have.nodeValue !== want.nodeValue) have.nodeValue = want.nodeValue;
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };
  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && !a.id && !b.id;

  const show = (html) => {
    const parsed = new DOMParser().parseFromString(policy.createHTML("<main>" + html + "</main>"), "text/html");
    const main = document.getElementById("main"), next = parsed.querySelector("main");
    next.id = "main";
    next.tabIndex = -1;
    morph(main, next);
    document.dispatchEvent(new Event("console:page"));
  };

  const body = document.body, sign = document.getElementById("live");
  const say = (state) => {
    sign.textContent = body.dataset["live" + state];
    sign.dataset.state = state.toLowerCase();
  };
  // A browser has few connections to one server, so a page that nobody sees gives its own back. The first event of a stream
  // is the whole page, so nothing is missed.
  let source, final = false;
  const follow = () => {
    if (final || document.hidden || (source && source.readyState !== EventSource.CLOSED)) return;
    source = new EventSource(body.dataset.live);
    source.addEventListener("open", () => say("On"));
    source.addEventListener("page", (e) => show(JSON.parse(e.data)));
    source.addEventListener("end", () => { final = true; source.close(); say("End"); });
    source.addEventListener("error", () => {
      say("Off");
      // After an answer that is no stream, such as 503, the browser does not try again by itself.
      if (source.readyState === EventSource.CLOSED) setTimeout(follow, 2000);
    });
  };
  const leave = () => {
    if (!source || final) return;
    source.close();
    say("Wait");
  };
  if (sign) {
    follow();
    document.addEventListener("visibilitychange", () => document.hidden ? leave() : follow());
    addEventListener("pagehide", leave);
  }
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });

  // Only a secure context has a clipboard: the server's own machine, or HTTPS.
  if (!navigator.clipboard) document.documentElement.classList.add("no-clipboard");
  document.addEventListener("click", async (e) => {
    const button = e.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const text = button.textContent;
    button.textContent = body.dataset.copied;
    setTimeout(() => { button.textContent = text; }, 1500);
  });

  // <span data-until="RFC 3339" data-keep>: the seconds left until then; data-since: those since then.
  const count = () => {
    for (const el of document.querySelectorAll("[data-until]")) {
      const left = Math.max(0, (Date.parse(el.dataset.until) - Date.now()) / 1000);
      el.textContent = left < 10 ? left.toFixed(1) + " s" : Math.round(left) + " s";
    }
    for (const el of document.querySelectorAll("[data-since]")) {
      el.textContent = Math.max(0, (Date.now() - Date.parse(el.dataset.since)) / 1000).toFixed(1) + " s";
    }
  };
  setInterval(count, 200);

  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, [contenteditable]")) return;
    const link = e.key === "/" ? document.querySelector("input[type=search]") : document.querySelector(`[data-key="${CSS.escape(e.key)}"]`);
    if (!link) return;
    e.preventDefault();
    if (link.localName === "input") link.focus(); else link.click();
  });
})();
