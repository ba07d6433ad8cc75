// What is typed beside the guide and not saved yet goes along from one part to the next: in this tab alone, until it is
// saved or what is stored changes. <aside data-module="keep-typed" data-whose="Acme" data-said="..."> around one form.
// Only what looks like a client ID or a domain is kept; a secret that was pasted by mistake is not.
const KEPT = { client_id: /^\s*[A-Za-z0-9_-]{1,32}\s*$/, domain: /^[^?#@]{0,255}[.:][^?#@]{0,255}$/ };

for (const place of document.querySelectorAll("[data-module=keep-typed]")) {
  const form = place.querySelector("form");
  const fields = [...form.querySelectorAll("input:not([type=hidden])")];
  const name = `typed:${place.dataset.whose}:${form.elements.version.value}`;
  const said = document.createElement("p");
  said.setAttribute("role", "status");
  said.className = "soft";
  form.before(said);
  const tell = () => { said.textContent = fields.some((each) => each.value !== each.defaultValue) ? place.dataset.said : ""; };

  const before = JSON.parse(sessionStorage.getItem(name) || "{}");
  // What was refused is shown as it was typed last.
  if (!fields.some((each) => each.getAttribute("aria-invalid") === "true")) {
    for (const each of fields) if (each.name in before) each.value = before[each.name];
  }
  tell();
  form.addEventListener("input", () => {
    const typed = fields.filter((each) => each.value !== each.defaultValue)
      .filter((each) => !each.value || KEPT[each.name.replace(/^[a-z]+_/, "")].test(each.value));
    sessionStorage.setItem(name, JSON.stringify(Object.fromEntries(typed.map((each) => [each.name, each.value]))));
    tell();
  });
  form.addEventListener("submit", () => sessionStorage.removeItem(name));
}
