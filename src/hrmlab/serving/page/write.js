// A prompt, and what each model of code makes of it, as it is written.
import { stream } from "/page/api.js";

const element = (id) => document.getElementById(id);

export function startWriting(models, { say, guarded }) {
  element("go").addEventListener("click", () => guarded(async () => {
    const [prompt, texts] = [element("prompt").value, element("texts")];
    const [tokens, temperature] = [Number(element("tokens").value), Number(element("temperature").value)];
    texts.replaceChildren();
    element("go").disabled = true;
    say("writing …");
    try {
      await Promise.all(models.map(async (model) => {
        const [made, head, about, shown] = ["article", "h3", "p", "pre"].map((name) => document.createElement(name));
        made.className = "arm";
        head.textContent = model.id.slice(model.id.indexOf("/") + 1);
        about.className = "quiet";
        about.textContent = `${model.about.role ? `${model.about.role}, ` : ""}${model.about.parameters.toLocaleString("en")} parameters; ${model.about.task}`;
        shown.textContent = prompt;
        made.append(head, about, shown);
        texts.append(made);
        const body = { model: model.id, prompt, max_tokens: tokens, temperature, stream: true };
        await stream("/v1/completions", body, (_, chunk) => { shown.textContent += chunk.choices[0].text; });
      }));
      say("written");
    } finally {
      element("go").disabled = false;
    }
  }));
}
