// A button that prints the page; without JavaScript the browser's own menu does.
for (const place of document.querySelectorAll("[data-module=print]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-secondary";
  button.textContent = place.dataset.print;
  button.addEventListener("click", () => print());
  place.append(button);
}
