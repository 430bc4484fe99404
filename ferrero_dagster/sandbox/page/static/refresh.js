// Keeps the overview up to date without flicker: only a section that changed is replaced, and none with an open menu.
async function refresh() {
  if (document.hidden || document.activeElement.matches("select, input")) return;
  const answer = await fetch("/");
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const section of fresh.querySelectorAll("main > section")) {
    const shown = document.getElementById(section.id);
    for (const open of shown.querySelectorAll("details[open]")) {
      section.querySelector("#" + open.id)?.setAttribute("open", "");
    }
    if (shown.innerHTML !== section.innerHTML) shown.replaceWith(section);
  }
}
setInterval(() => refresh().catch(() => {}), 3000); // A sandbox that is gone or restarting is no error.
