// The lab's run button: it follows the link to the next frame, once a step, until the last frame or a pause.
"use strict";
(() => {
  const button = document.getElementById("lab-run");
  if (!button) return;
  const step = 700, key = "lab-run";
  const next = () => document.getElementById("lab-next");
  const schedule = () => {
    const q = new URLSearchParams(location.search);
    return JSON.stringify([q.get("schedule"), q.get("mutant")]);
  };
  let timer;
  const show = () => { button.textContent = timer ? button.dataset.pause : button.dataset.run; };
  const stop = () => {
    clearTimeout(timer);
    timer = undefined;
    sessionStorage.removeItem(key);
    show();
  };
  const run = () => {
    sessionStorage.setItem(key, schedule());
    timer = setTimeout(() => location.replace(next().href), step);
    show();
  };
  button.addEventListener("click", () => (timer ? stop() : next() && run()));
  button.hidden = !next();
  show();
  if (next() && sessionStorage.getItem(key) === schedule()) run();
  else stop();
  document.addEventListener("click", (e) => { if (timer && e.target.closest("a")) stop(); });
})();
