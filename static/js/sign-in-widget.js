// Starts Okta's widget in its place, and goes on to Okta's own page by itself where it cannot start.
const place = document.querySelector("[data-module=sign-in-widget]");
const away = document.getElementById("widget-away");
const PATIENCE = 8000; // Milliseconds until a form has to be there.

function giveUp(error) {
  if (place.dataset.over) return;
  place.dataset.over = "yes";
  place.hidden = true;
  away.hidden = false;
  console.info("The sign-in form cannot be shown:", error ? error.name : "no answer");
  if (place.dataset.preview !== "yes") setTimeout(() => location.assign(place.dataset.oktaUrl), 900);
}

// What an earlier page in this tab began is over; the widget would wonder about it.
function forgetOthers(state) {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith("okta-") && !sessionStorage[key].includes(state)) sessionStorage.removeItem(key);
  }
}

function start() {
  if (typeof OktaSignIn === "undefined") return giveUp();
  const settings = JSON.parse(place.dataset.settings);
  forgetOthers(settings.state);
  const widget = new OktaSignIn(settings);
  const waiting = setTimeout(giveUp, PATIENCE);
  widget.on("afterRender", () => {
    clearTimeout(waiting);
    place.removeAttribute("aria-busy");
    document.getElementById("widget-wait").hidden = true;
  });
  widget.showSignInAndRedirect({ el: place }).catch((error) => {
    clearTimeout(waiting);
    giveUp(error);
  });
}

try {
  start();
} catch (error) {
  giveUp(error);
}
