// Puts a button beside every value that is carried elsewhere; without JavaScript one click selects the value.
function equip(root) {
  for (const place of root.querySelectorAll("[data-module=copy]:not([data-ready])")) {
    if (!navigator.clipboard) return;
    place.dataset.ready = "yes";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-secondary copy-button";
    button.textContent = place.dataset.copy;
    button.setAttribute("aria-label", `${place.dataset.copy}: ${place.querySelector("b").textContent}`);
    const said = document.createElement("span");
    said.setAttribute("role", "status");
    said.className = "copy-said";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(place.querySelector("code").textContent);
      said.textContent = place.dataset.copied;
      setTimeout(() => { said.textContent = ""; }, 2000);
    });
    place.append(button, said);
  }
}

equip(document);
document.addEventListener("point:changed", (event) => equip(event.detail));
