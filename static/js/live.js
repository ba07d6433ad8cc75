// A part of a page that changes while something is under way: asked for anew until it says that it is over.
// <div data-module="live" data-url="/part" aria-live="polite">. The answer is the element itself, as it is now; without
// data-module it is over. Without JavaScript the page has a Refresh of its own in <noscript>.
const PAUSE = 1000; // Milliseconds between two questions.
const LONGEST = 15000; // Milliseconds, when nothing is heard.

// shown: what the server said last. The page itself differs from it: buttons to copy, details that somebody has opened.
async function follow(place, pause, shown) {
  await new Promise((resolve) => setTimeout(resolve, pause));
  let next;
  try {
    const answer = await fetch(place.dataset.url, { headers: { accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    next = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
  } catch {
    return follow(place, Math.min(pause * 2, LONGEST), shown);
  }
  if (!next) return location.reload();
  // Only what has changed is put in, so that a screen reader is told that and not everything again.
  const said = next.innerHTML;
  if (said !== shown) {
    const open = [...place.querySelectorAll("details")].map((each) => each.open);
    const focused = document.activeElement && place.contains(document.activeElement) ? document.activeElement.id : "";
    place.innerHTML = said;
    place.querySelectorAll("details").forEach((each, number) => { if (open[number]) each.open = true; });
    if (focused) document.getElementById(focused)?.focus();
    document.dispatchEvent(new CustomEvent("point:changed", { detail: place }));
  }
  if (next.dataset.module !== "live") return place.removeAttribute("aria-busy");
  return follow(place, PAUSE, said);
}

for (const place of document.querySelectorAll("[data-module=live]")) follow(place, PAUSE, place.innerHTML);
