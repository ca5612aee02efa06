// Which part of the page is shown, and what all of them need: the models, a line of status, the key.
import { Failure, get } from "/page/api.js";
import { startThinking } from "/page/think.js";
import { startWriting } from "/page/write.js";
import { startStudies } from "/page/studies.js";

const element = (id) => document.getElementById(id);

export function say(text, bad = false) {
  element("status").textContent = text;
  element("status").classList.toggle("bad", bad);
}

// Runs something and says what went wrong; asks for the key where that is it.
async function guarded(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    if (error instanceof Failure && error.status === 401) element("key").hidden = false;
    say(error instanceof Failure ? error.message : `the server cannot be reached (${error.message})`, true);
    return undefined;
  }
}

function show(parts) {
  const asked = location.hash.slice(1);
  const chosen = parts.includes(asked) ? asked : parts[0];
  for (const name of ["think", "write", "studies"]) {
    element(name).hidden = name !== chosen;
    element(`to-${name}`).hidden = !parts.includes(name);
    if (name === chosen) element(`to-${name}`).setAttribute("aria-current", "page");
    else element(`to-${name}`).removeAttribute("aria-current");
  }
}

async function start() {
  const models = (await get("/v1/models")).data;
  const [puzzles, texts] = ["puzzle", "text"].map((kind) => models.filter((model) => model.about.kind === kind));
  const parts = [...(puzzles.length ? ["think"] : []), ...(texts.length ? ["write"] : []), "studies"];
  window.addEventListener("hashchange", () => show(parts));
  show(parts);
  if (puzzles.length) await startThinking(puzzles, { say, guarded });
  if (texts.length) startWriting(texts, { say, guarded });
  await startStudies({ say, guarded });
  document.body.dataset.ready = "true";
}

element("key").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("key", element("key-value").value);
  location.reload();
});
guarded(start);
