// Brings the page up to date in place, and never leaves an old one standing as if it were new.
"use strict";
const EVERY = 5000;
const FOCUSABLE = "main a, main summary, main [tabindex]";
const lost = document.getElementById("lost");
const all = (selector) => [...document.querySelectorAll(selector)];

async function refresh() {
  try {
    const answer = await fetch(location.href, {cache: "no-store", signal: AbortSignal.timeout(EVERY)});
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const before = all("details, .wide").map(({open, scrollLeft}) => ({open, scrollLeft}));
    const focused = all(FOCUSABLE).indexOf(document.activeElement);
    for (const id of ["main", "as-of"]) document.getElementById(id).replaceChildren(...fresh.getElementById(id).childNodes);
    all("details, .wide").forEach((element, index) => Object.assign(element, before[index]));
    if (focused >= 0) all(FOCUSABLE)[focused]?.focus({preventScroll: true});
    document.title = fresh.title;
    lost.hidden = true;
    document.body.classList.remove("lost");
  } catch {
    lost.hidden = false;
    document.body.classList.add("lost");
  }
  setTimeout(refresh, EVERY);
}
setTimeout(refresh, EVERY);
